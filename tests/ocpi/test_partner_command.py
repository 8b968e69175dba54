"""``evouch partner`` at a backend, and the operations behind it, without a socket between them."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from evouch.cli import partner as command
from evouch.cli.mock import _faults
from evouch.errors import EvouchError, Refused
from evouch.ocpi.partner import PartnerState, PartnerSync, Role
from evouch.ocpi.partners import Partners
from evouch.testing.mock_service import MockService
from evouch.web.api_partners import PARTNER_ERRORS, enter
from evouch.wire import encode
from tests.ocpi.pair import Pair


@dataclass
class Ask:
    partners: Partners | None
    path: dict[str, str]
    body: Any
    actor: str = "ann"


class Table:
    """An API's table, as any actor has one."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], tuple[Any, dict[str, Any]]] = {}
        self.syncs: list[PartnerSync] = []
        enter(self._operation, partners=lambda ask: ask.partners, syncs=lambda _: self.syncs)

    def _operation(self, method: str, path: str, **more: Any) -> Any:
        def take(run: Any) -> Any:
            self.rows[method, path] = (run, more)
            return run

        return take

    async def ask(self, partners: Partners | None, method: str, *path: str, body: Any = None) -> Any:
        words = ["partners", *(("{partner}",) if len(path) > 1 else ()), *path[2:]]
        run, row = self.rows[method, "/" + "/".join(words)]
        taken = msgspec.convert(body, row["takes"]) if "takes" in row else None
        try:
            answer = await run(Ask(partners, {"partner": path[1]} if len(path) > 1 else {}, taken))
        except Refused as refused:
            if refused.reason not in row["refuses"] or refused.reason not in PARTNER_ERRORS:
                raise AssertionError(f"{method} {path} does not say that it refuses {refused.reason}") from None
            raise
        assert row.get("gives") is (None if answer is None else type(answer))
        return None if answer is None else json.loads(encode(answer))


class Backend:
    """The operator API of one side, as the command uses it."""

    def __init__(self, pair: Pair) -> None:
        self.pair, self.table = pair, Table()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def ask(self, method: str, *path: str, body: Any = None, seconds: float = 0) -> Any:
        try:
            return asyncio.run(self.table.ask(self.pair.cpo.partners, method, *path, body=body))
        except Refused as refused:
            raise EvouchError(refused.reason) from None


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    found = Backend(Pair.new())
    monkeypatch.setattr(command, "_api", lambda *_: found)
    return found


def said(*words: str) -> Any:
    outcome = CliRunner().invoke(command.app, [*words, "--json"])
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.output)


def test_a_partner_is_added_registered_shown_rotated_changed_and_removed(backend: Backend, tmp_path: Path) -> None:
    emsp = backend.pair.emsp
    token = asyncio.run(emsp.partners.invite("the-cpo", Role.CPO, actor="x"))
    (tmp_path / "a").write_text(token.text() + "\n")
    added = said("add", "the-emsp", "--role", "emsp", "--versions-url", emsp.ours.versions_url, "--token",
                 str(tmp_path / "a"))  # fmt: skip
    assert "known" == added["state"]
    registered = said("register", "the-emsp")
    assert ("registered", ["NL*MSP"]) == (registered["state"], registered["parties"])
    backend.table.syncs = [PartnerSync(partner="the-emsp", module="sessions", dirty_since=backend.pair.clock.now())]
    shown = said("show", "the-emsp")
    assert "vehicles SENDER" in shown["modules"]
    assert ["sessions"] == [each["module"] for each in shown["syncs"]]
    assert said("rotate", "the-emsp")["rotated_at"]
    changed = said("change", "the-emsp", "--evses", "7", "--no-sign", "--reason", "odd")
    assert (7, False) == (changed["evses"], changed["sign_allowed"])
    listed = CliRunner().invoke(command.app, ["list"]).output
    assert "the-emsp" in listed
    assert "sessions since 2024-05-23" in listed
    assert 1 == CliRunner().invoke(command.app, ["remove", "the-emsp"]).exit_code  # not while it is suspended
    said("change", "the-emsp", "--sign")
    said("remove", "the-emsp")
    assert ([], PartnerState.ENDED) == (said("list")["partners"], emsp.one().state)


def test_an_invitation_is_shown_once_and_stands_in_no_list(backend: Backend) -> None:
    invitation = said("invite", "new-one", "--role", "EMSP")
    assert 64 == len(invitation["token"])
    assert "" == said("show", "new-one")["pinned"]
    said("invite", "new-one", "--role", "EMSP", "--party", "nl*msp")
    assert "NL*MSP" == said("show", "new-one")["pinned"]
    assert 1 == CliRunner().invoke(command.app, ["invite", "new-one", "--role", "EMSP", "--party", "NLX"]).exit_code
    assert backend.pair.cpo.ours.versions_url == invitation["versions_url"]
    assert invitation["token"] not in CliRunner().invoke(command.app, ["show", "new-one", "--json"]).output


def test_an_invitation_goes_into_a_file_where_one_is_named_and_nowhere_else(backend: Backend, tmp_path: Path) -> None:
    file = tmp_path / "token"
    assert {"partner", "versions_url"} == set(said("invite", "new-one", "--role", "EMSP", "--out", str(file)))
    assert (0o600, 65) == (file.stat().st_mode & 0o777, len(file.read_text()))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("show", "nobody"), "unknownPartner"), (("register", "nobody"), "unknownPartner"),
        (("rotate", "invited"), "notRegistered"), (("register", "invited"), "notAdded"),
        (("invite", "a b", "--role", "CPO"), "badPartnerId"),
        (("change", "invited", "--oracle-url", "https://10.0.0.1/"), "badAddress"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_in_a_word(backend: Backend, words: tuple[str, ...], reason: str) -> None:
    said("invite", "invited", "--role", "EMSP")
    outcome = CliRunner().invoke(command.app, words)
    assert isinstance(outcome.exception, EvouchError)
    assert reason == str(outcome.exception)


async def test_what_a_partner_does_wrong_is_not_called_our_fault() -> None:
    pair, table = Pair.new(), Table()
    await pair.known()
    pair.emsp.host.status(500)
    with pytest.raises(Refused, match="partnerRefused"):
        await table.ask(pair.cpo.partners, "POST", "partners", "the-emsp", "register")
    pair.web.unplug(pair.emsp.url)
    with pytest.raises(Refused, match="partnerSilent"):
        await table.ask(pair.cpo.partners, "POST", "partners", "the-emsp", "register")
    with pytest.raises(Refused, match="noRoaming"):
        await table.ask(None, "GET", "partners")


def test_a_check_prints_what_it_found_and_fails_where_a_rule_is_broken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from evouch.ocpi.conformance import Level, Report

    report = Report("https://p.test/ocpi/versions", version="2.3.0")
    report.hold("transport: 401 for a token that is not known", "versions", fine=False, found="HTTP 403")

    async def examined(*_: Any, **__: Any) -> Report:
        return report

    monkeypatch.setattr(command, "_examined", examined)
    (tmp_path / "t").write_text("token")
    words = ["check", "--versions-url", report.url, "--token-file", str(tmp_path / "t")]
    outcome = CliRunner().invoke(command.app, words)
    assert 1 == outcome.exit_code
    assert "error    transport: 401 for a token that is not known (versions): HTTP 403" in outcome.output
    found = json.loads(CliRunner().invoke(command.app, [*words, "--json"]).output)
    assert (False, Level.ERROR) == (found["passed"], found["findings"][0]["level"])


def test_a_check_of_an_address_that_is_only_for_tests_says_how_to_allow_it(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("token")
    words = ["check", "--versions-url", "http://127.0.0.1:9/ocpi/versions", "--token-file", str(tmp_path / "t")]
    outcome = CliRunner().invoke(command.app, words)
    assert isinstance(outcome.exception, EvouchError)
    assert "an address begins with https://; --local allows others, for tests" == str(outcome.exception)


def test_faults_of_a_mock_are_said_in_words() -> None:
    assert {"slow": 2.0, "partial": 1.0} == _faults(["slow=2", "partial"])
    for word in ("slow", "partial=1", "status=x", "nonsense"):
        with pytest.raises(typer.BadParameter):
            _faults([word])
    assert MockService.__doc__
