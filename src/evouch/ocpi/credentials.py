"""How two parties come to know each other, and part: the table of a registration (mod_credentials).

Rules of this file:

* Either side may begin. Who *invites* makes a registration token (A) and waits for POST; who *adds*
  a partner has that partner's registration token and sends POST.
* A is good for the versions and for POST. It is dead as soon as the POST is answered.
* POST by who is registered, and PUT or DELETE by who is not, is HTTP 405 (§usage).
* GET answers in every state in which there is a token to ask with.
* What ended can begin again, by a new invitation or by adding it again.

The picture in docs/specs is made from :data:`TABLE`.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from evouch.errors import PeerFault, Refused
from evouch.ocpi.model import CredentialsRole, Version
from evouch.ocpi.partner import Endpoint, PartnerState, Role

__all__ = [
    "MISSING_ENDPOINTS", "NOT_USABLE", "TABLE", "UNSUPPORTED_VERSION", "Step", "allowed_methods", "best_version",
    "missing", "roles_of", "step",
]  # fmt: skip

#: Status codes of a registration that did not work out (status_codes §3xxx).
NOT_USABLE: Final = 3001
UNSUPPORTED_VERSION: Final = 3002
MISSING_ENDPOINTS: Final = 3003

_INVITED, _KNOWN = PartnerState.INVITED, PartnerState.KNOWN
_REGISTERED, _ENDED = PartnerState.REGISTERED, PartnerState.ENDED


class Step(StrEnum):
    """What happens to a registration. The four methods are the partner's requests to us."""

    INVITE = "invite"
    ADD = "add"
    #: our own POST, PUT and DELETE, answered well
    REGISTER = "register"
    ROTATE = "rotate"
    UNREGISTER = "unregister"
    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    DELETE = "DELETE"


#: (state, step) → state after it; what is not here is refused. None is a partner that we have not heard of.
TABLE: Final[dict[tuple[PartnerState | None, Step], PartnerState]] = {
    (None, Step.INVITE): _INVITED,
    (None, Step.ADD): _KNOWN,
    (_INVITED, Step.INVITE): _INVITED,
    (_INVITED, Step.ADD): _KNOWN,
    (_INVITED, Step.GET): _INVITED,
    (_INVITED, Step.POST): _REGISTERED,
    (_INVITED, Step.UNREGISTER): _ENDED,
    (_KNOWN, Step.INVITE): _INVITED,
    (_KNOWN, Step.ADD): _KNOWN,
    (_KNOWN, Step.REGISTER): _REGISTERED,
    (_KNOWN, Step.GET): _KNOWN,
    (_KNOWN, Step.UNREGISTER): _ENDED,
    (_REGISTERED, Step.ROTATE): _REGISTERED,
    (_REGISTERED, Step.UNREGISTER): _ENDED,
    (_REGISTERED, Step.GET): _REGISTERED,
    (_REGISTERED, Step.PUT): _REGISTERED,
    (_REGISTERED, Step.DELETE): _ENDED,
    (_ENDED, Step.INVITE): _INVITED,
    (_ENDED, Step.ADD): _KNOWN,
}

#: What we cannot do without at a partner, by what it is: module and interface.
_NEEDED: Final[dict[Role, tuple[tuple[str, str], ...]]] = {
    Role.EMSP: (("credentials", ""), ("tokens", "SENDER")),
    Role.CPO: (("credentials", ""), ("sessions", "SENDER")),
}

_REASONS: Final = {
    Step.INVITE: "alreadyRegistered", Step.ADD: "alreadyRegistered", Step.REGISTER: "notAdded",
    Step.ROTATE: "notRegistered", Step.UNREGISTER: "notRegistered",
}  # fmt: skip


def step(state: PartnerState | None, taken: Step) -> PartnerState:
    """Return the state after a step of ours; Refused("alreadyRegistered" and the like) where it is not in the table."""
    after = TABLE.get((state, taken))
    if after is None:
        raise Refused(_REASONS.get(taken, "notRegistered"))
    return after


def allowed_methods(state: PartnerState) -> tuple[str, ...]:
    """Return what a partner may do with its credentials at us, for the header of a 405."""
    methods = (Step.GET, Step.POST, Step.PUT, Step.DELETE)
    return tuple(each.value for each in methods if (state, each) in TABLE)


def best_version(ours: Sequence[str], theirs: Sequence[Version]) -> Version:
    """Return the highest version that both speak; PeerFault 3002 where there is none."""
    common = [each for each in theirs if each.version in ours]
    if not common:
        raise PeerFault(str(UNSUPPORTED_VERSION), f"no common version: we speak {', '.join(ours)}")
    return max(common, key=lambda each: _number(each.version))


def missing(role: Role, endpoints: Sequence[Endpoint]) -> tuple[str, ...]:
    """Return the modules that a partner of that role has to have and does not, in words."""
    return tuple(
        f"{module} {interface}".strip()
        for module, interface in _NEEDED[role]
        if not any(each.module == module and (not interface or each.interface in {interface, ""}) for each in endpoints)
    )


def roles_of(role: Role, roles: Sequence[CredentialsRole]) -> tuple[CredentialsRole, ...]:
    """Return those of the roles that are what we know the partner as."""
    return tuple(each for each in roles if each.role.upper() == role)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
