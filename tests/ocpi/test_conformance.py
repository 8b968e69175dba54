"""The pass against a live partner finds what is wrong, names the rule, and changes nothing."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evouch import wire
from evouch.ids import Secret
from evouch.ocpi.addresses import BadAddress
from evouch.ocpi.conformance import Level, Report, examine
from evouch.ocpi.http import Request, Response
from evouch.ocpi.partner import Role
from evouch.testing.clock import ManualClock, SeededEntropy
from evouch.testing.mock_service import MockService
from evouch.testing.ocpi import MemoryWeb

URL = "https://partner.test"
Change = Callable[[Request, Response], Response]


class Subject:
    """A mock partner, and somebody registered at it."""

    def __init__(self, role: Role, **faults: float) -> None:
        self.clock, self.entropy = ManualClock(), SeededEntropy()
        self.web = MemoryWeb(self.clock)
        named = {name.replace("_", "-"): value for name, value in faults.items()}
        self.mock = MockService(role, URL, self.web, self.clock, SeededEntropy("mock"), faults=named)
        self.other = MockService(self.mock.other, "https://other.test", self.web, self.clock, SeededEntropy("other"))
        self.web.host("https://other.test", self.other.handle)
        self.change(lambda _, response: response)

    def change(self, change: Change) -> None:
        async def handle(request: Request, *, address: str = "") -> Response:
            return change(request, await self.mock.handle(request, address=address))

        self.web.host(URL, handle)

    async def token(self) -> Secret:
        invitation = await self.mock.invite()
        partner = await self.other.join(self.mock.partners.ours.versions_url, invitation)
        assert partner.token_out is not None
        return partner.token_out

    async def report(self, token: Secret | None = None) -> Report:
        token = token or await self.token()
        return await examine(self.web, self.clock, self.entropy, f"{URL}/ocpi/versions", token)


def broken(report: Report) -> set[str]:
    return {each.rule for each in report.findings if each.level is Level.ERROR}


@pytest.mark.parametrize("role", Role)
async def test_our_own_mocks_break_no_rule(role: Role) -> None:
    report = await Subject(role).report()
    assert [] == report.findings
    assert report.passed
    assert report.version == "2.3.0"
    assert (role is Role.EMSP) == any("oprf" in each for each in report.held)


async def test_nothing_is_changed_at_the_partner() -> None:
    subject = Subject(Role.EMSP)
    token = await subject.token()
    before = len(subject.web.log)
    await subject.report(token)
    asked = [each.request for each in subject.web.log][before:]
    assert {"GET", "POST"} == {each.method for each in asked}
    assert all("authorize" in each.url or "sign" in each.url for each in asked if each.method == "POST")
    assert ({}, {}) == (subject.mock.emsp.vehicles_known, subject.mock.emsp.sessions_known)
    assert 40 > len(asked)


async def test_with_a_registration_token_what_can_be_seen_is_looked_at() -> None:
    subject = Subject(Role.EMSP)
    report = await subject.report(await subject.mock.invite())
    assert (["token: registered, for the rest to be looked at"], True) == (
        [each.rule for each in report.findings],
        report.passed,
    )


def status(number: int, part: str = "") -> Change:
    return lambda request, response: replace(response, status=number) if part in request.url else response


def on(part: str, change: Callable[[Any], Any]) -> Change:
    """Change the documents that addresses with ``part`` in them answer."""

    def changed(request: Request, response: Response) -> Response:
        if part not in request.url or not response.body:
            return response
        return replace(response, body=wire.encode(change(wire.decode(response.body))))

    return changed


def refused(number: int) -> Change:
    return lambda _, response: replace(response, status=number) if response.status == 401 else response


def without(*names: str) -> Change:
    return lambda _, response: replace(
        response, headers={name: text for name, text in response.headers.items() if name not in names}
    )


WRONG: dict[str, tuple[Change, str]] = {
    "403": (refused(403), "transport: 401 for a token that is not known"),
    "no ids": (without("x-request-id"), "transport: x-request-id is repeated"),
    "no total": (without("x-total-count"), "pagination: X-Total-Count is given"),
    "no limit": (without("x-limit"), "pagination: X-Limit is given"),
    "html": (without("content-type"), "transport: answers are application/json"),
    "zone": (
        on("", lambda document: document | {"timestamp": "2024-05-23T00:00:00+00:00"}),
        "types: DateTime is UTC, 25 characters at most",
    ),
    "no envelope": (on("/tokens", lambda document: document.get("data", [])), "transport: an answer is an envelope"),
    "422": (status(422, "authorize"), "tokens: 404 with 2004 for a token that is not known"),
    "no role": (
        on("/ocpi/2.3.0", lambda document: document | {"data": _without_roles(document["data"])}
           if "endpoints" in (document.get("data") or {}) else document),
        "versions: an endpoint says its role",
    ),
    "inside": (
        lambda request, response: replace(response, body=response.body.replace(
            b"https://partner.test/ocpi/2.3.0/tokens", b"https://10.0.0.1/ocpi/tokens")),
        "types: an address is public and https",
    ),
    "every point": (
        on("oprf/sign", lambda document: document | {"status_code": 1000}),
        "oprf: 200 with 2001 for an element that is no point",
    ),
    "redirect": (status(307, "vehicles"), "transport: nothing is redirected"),
}  # fmt: skip


def _without_roles(details: Any) -> Any:
    return details | {"endpoints": [{**each, "role": None} for each in details["endpoints"]]}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrong_is_found_and_the_rule_named(what: str) -> None:
    change, rule = WRONG[what]
    subject = Subject(Role.EMSP)
    token = await subject.token()
    subject.change(change)
    report = await subject.report(token)
    assert rule in broken(report)
    assert not report.passed


async def test_a_wrong_point_and_a_short_page_are_found() -> None:
    assert "oprf: a point is answered" in broken(await Subject(Role.EMSP, wrong_point=1).report())
    assert "transport: an answer is an envelope" in broken(await Subject(Role.EMSP, partial=1).report())
    assert [] == (await Subject(Role.EMSP, one_item_pages=1).report()).findings


async def test_a_partner_that_takes_its_token_unencoded_is_warned_about() -> None:
    subject = Subject(Role.CPO)
    token = await subject.token()

    async def handle(request: Request, *, address: str = "") -> Response:
        value = request.headers.get("authorization", "")
        sent = {} if value == f"Token {token.text()}" else {"authorization": "Token nobody"}
        return await subject.mock.handle(replace(request, headers={**request.headers, **sent}), address=address)

    subject.web.host(URL, handle)
    report = await subject.report(token)
    assert [(Level.WARNING, "transport: a token travels in base64")] == [(e.level, e.rule) for e in report.findings]


async def test_a_partner_that_is_not_there_is_a_finding_and_an_address_inside_is_not_gone_to() -> None:
    subject = Subject(Role.CPO)
    token = await subject.token()
    subject.web.unplug(URL)
    assert "transport: a request is answered" in broken(await subject.report(token))
    with pytest.raises(BadAddress):
        await examine(subject.web, subject.clock, subject.entropy, "https://127.0.0.1/", token)


async def test_where_nobody_answers_or_the_token_counts_for_nothing_that_is_all_that_is_said() -> None:
    subject = Subject(Role.CPO)
    report = await subject.report(Secret("nobody's"))
    assert [(Level.ERROR, "token: the partner takes it")] == [(each.level, each.rule) for each in report.findings]
    subject.web.unplug(URL)
    report = await subject.report(Secret("nobody's"))
    assert (1, ["transport: a request is answered"]) == (report.requests, [each.rule for each in report.findings])


def test_every_rule_of_the_pass_stands_on_its_page() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "howto" / "check_a_partner.md").read_text()
    kinds = r"(?:transport|types|versions|tokens?|pagination|status codes|credentials|oprf)"
    rules = {
        rule
        for file in (root / "src" / "evouch" / "ocpi").glob("conformance*.py")
        for rule in re.findall(rf'[^f]"({kinds}: [^"]+)"', file.read_text())
    }
    assert len(rules) > 30
    assert [] == sorted(rule for rule in rules if f"| `{rule}` |" not in page)
