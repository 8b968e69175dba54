"""A look at a live partner that changes nothing there, and names the rule that each finding breaks.

What is asked: versions and details, with the token, with a wrong one and without; credentials;
a page or two of each list; at an eMSP the authorisation of tokens that nobody has, and three
signatures over a made-up address with as many points that are none. About thirty requests.
"""

from typing import Any, Final

from evouch.clock import Clock, Entropy
from evouch.ids import Secret
from evouch.ocpi import model as m
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.authorization import new_token
from evouch.ocpi.conformance_modules import Modules
from evouch.ocpi.conformance_probe import Finding, Level, Looked, Probe, Report, read_all
from evouch.ocpi.http import Transport
from evouch.ocpi.partner import V221, V230, Endpoint, Partner, PartnerState, Role

__all__ = ["Finding", "Level", "Report", "examine"]

VERSIONS: Final = (V230, V221)
UNAUTHORIZED: Final = 401


async def examine(
    transport: Transport,
    clock: Clock,
    entropy: Entropy,
    url: str,
    token: Secret,
    *,
    policy: AddressPolicy | None = None,
) -> Report:
    """Examine the partner whose versions are at ``url``. BadAddress where the policy forbids that address."""
    report, policy = Report(url), policy or AddressPolicy()
    policy.check(url)
    probe = Probe(transport, clock, entropy, policy, report)
    details = await _Beginning(probe, token, entropy).details()
    if details is not None:
        await Modules(probe, token, entropy, details).examine()
    return report


class _Beginning:
    """Versions, their details, and whom they are shown to."""

    def __init__(self, probe: Probe, token: Secret, entropy: Entropy) -> None:
        self._probe = probe
        self._token = token
        self._entropy = entropy
        self._hold = probe.report.hold

    async def details(self) -> Partner | None:
        """Return the partner as its details describe it; None where they cannot be read."""
        url = self._probe.report.url
        versions = await self._versions(url)
        if versions is None:
            return None
        await self._strangers(url)
        await self._slash(url)
        found = [each for each in versions if each.version in VERSIONS]
        spoken = ", ".join(each.version for each in versions) or "none"
        if not self._hold("versions: 2.3.0 or 2.2.1 is offered", "versions", fine=bool(found), found=spoken):
            return None
        best = max(found, key=lambda each: each.version)
        self._probe.report.version = best.version
        return await self._of(best)

    async def _versions(self, url: str) -> list[m.Version] | None:
        """Return what is offered; None where nobody answers or the token counts for nothing: all else would follow."""
        looked = await self._probe.look("GET", url, self._token, where="versions")
        if looked is not None and looked.status == UNAUTHORIZED:
            looked = await self._unencoded(url)
        return None if looked is None else self._all(looked, m.Version, "versions")

    async def _unencoded(self, url: str) -> Looked | None:
        """Try the token as it is, as partners of old want it."""
        self._probe.plain = True
        looked = await self._probe.look("GET", url, self._token, where="versions")
        if looked is None or looked.status == UNAUTHORIZED:
            found = "nothing" if looked is None else f"{looked.shown}, in base64 and as it is"
            self._hold("token: the partner takes it", "versions", fine=False, found=found)
            return None
        self._hold("transport: a token travels in base64", "versions", fine=False, found="taken as it is only",
                   level=Level.WARNING)  # fmt: skip
        return looked

    async def _strangers(self, url: str) -> None:
        rule = "transport: 401 for a token that is not known"
        for token, where in ((new_token(self._entropy), "wrong token"), (None, "no token")):
            looked = await self._probe.look("GET", url, token, where=f"versions, {where}")
            if looked is not None:
                self._hold(rule, f"versions, {where}", fine=looked.status == UNAUTHORIZED, found=looked.shown)

    async def _slash(self, url: str) -> None:
        other = url.rstrip("/") if url.endswith("/") else f"{url}/"
        looked = await self._probe.look("GET", other, self._token, where="versions, other slash")
        if looked is not None:
            rule = "transport: a slash at the end makes no difference"
            fine = looked.status == 200  # noqa: PLR2004 - OK
            self._hold(rule, "versions, other slash", fine=fine, found=looked.shown, level=Level.WARNING)

    async def _of(self, version: m.Version) -> Partner | None:
        looked = await self._probe.look("GET", version.url, self._token, where="details")
        if looked is None or not isinstance(looked.data, dict):
            self._hold("versions: details list endpoints", "details", fine=False, found="no details")
            return None
        same = looked.data.get("version")
        self._hold("versions: details name their version", "details", fine=same == version.version, found=same)
        listed = self._all(looked, m.Endpoint, "details", data=looked.data.get("endpoints"))
        for each in listed:
            where = f"details, {each.identifier}"
            self._hold("versions: an endpoint says its role", where, fine=each.role in {"SENDER", "RECEIVER"},
                       found=each.role)  # fmt: skip
        return self._partner(version.version, listed)

    def _partner(self, version: str, listed: list[m.Endpoint]) -> Partner:
        ends = tuple(Endpoint(module=each.identifier, interface=each.role or "", url=each.url) for each in listed)
        self._probe.report.modules = tuple(f"{each.module} {each.interface}".strip() for each in ends)
        named = {(each.module, each.interface) for each in ends}
        self._hold("versions: a module and role is listed once", "details", fine=len(named) == len(ends))
        there = any(each.module == "credentials" for each in ends)
        self._hold("versions: credentials are listed", "details", fine=there, found="missing")
        emsp = any(each.module in {"tokens", "vehicles"} and each.interface in {"SENDER", ""} for each in ends)
        role = Role.EMSP if emsp else Role.CPO
        return Partner(
            id="checked", role=role, state=PartnerState.REGISTERED, version=version, endpoints=ends,
            token_out=self._token,
        )  # fmt: skip

    def _all(self, looked: Looked | None, kind: Any, where: str, *, data: Any = None) -> list[Any]:
        return read_all(self._probe.report, looked.data if looked and data is None else data, kind, where)
