"""Operations on roaming partners, the same for an operator and for an eMSP.

An actor's API enters them into its own table, and says where the partners are::

    enter(operation, partners=lambda ask: ask.cpo.partners, syncs=lambda ask: ask.cpo.syncs())

=======  ===============================  ==========================================
GET      /partners                        all of them
GET      /partners/{partner}              one
POST     /partners/{partner}/invite       a registration token, for who will call us
PUT      /partners/{partner}              a partner that gave us its token
POST     /partners/{partner}/register     register there
POST     /partners/{partner}/rotate       exchange both tokens
POST     /partners/{partner}/unregister   end it, and keep what it was
POST     /partners/{partner}/change       what is ours to say of it
DELETE   /partners/{partner}              end it, and forget it
=======  ===============================  ==========================================
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from evouch.errors import PeerFault, PeerRefused, Refused, Unreachable
from evouch.ids import PartyId, Secret, parse_party_id
from evouch.ocpi.addresses import BadAddress
from evouch.ocpi.partner import Partner, PartnerSync, Quirks
from evouch.ocpi.partners import Partners
from evouch.units import format_time
from evouch.web import api_partner_models as m

__all__ = ["PARTNER_ERRORS", "Asked", "enter"]

#: Reason → HTTP status and sentence, for the table of the API that enters the operations.
PARTNER_ERRORS: Final[dict[str, tuple[int, str]]] = {
    "noRoaming": (404, "Roaming is not configured here."),
    "unknownPartner": (404, "There is no such partner."),
    "alreadyRegistered": (409, "It is registered already; unregister it first."),
    "notRegistered": (409, "It is not registered."),
    "notAdded": (409, "There is no registration token of the partner's; add it first."),
    "underWay": (409, "Its registration is being changed just now."),
    "suspended": (409, "Its right to ask for signatures was taken: unregister it, or give the right back first."),
    "badPartnerId": (422, "A partner's id is letters and digits with single dashes between them, 40 at most."),
    "badAddress": (422, "That is not an address that we go to."),
    "partnerUnfit": (502, "The partner does not offer what is needed."),
    "partnerRefused": (502, "The partner refused."),
    "partnerSilent": (504, "The partner did not answer; whether it acted is not known."),
}

_HANDSHAKE: Final = ("underWay", "partnerUnfit", "partnerRefused", "partnerSilent")


class Asked(Protocol):
    """What an operation needs to know of a question."""

    @property
    def actor(self) -> str:
        """Who asks, for the audit."""

    @property
    def path(self) -> Mapping[str, str]:
        """Parts of the path by name."""

    @property
    def body(self) -> Any:
        """The body as the type that the operation takes."""


Find = Callable[[Any], Partners | None]
Syncs = Callable[[Any], Iterable[PartnerSync]]
Operation = Callable[..., Callable[[Callable[[Any], Awaitable[Any]]], Any]]


def enter(operation: Operation, *, partners: Find, syncs: Syncs = lambda _: ()) -> None:
    """Enter all operations by the decorator of an API's table.

    ``partners`` finds them by the question, None where this actor does no roaming; ``syncs`` are the
    states of pushes and readings.
    """
    for method, path, run, more in _ROWS:
        row = {**more, "refuses": ("noRoaming", *more.get("refuses", ()))}
        operation(method, path, **row)(_bound(run, partners, syncs))


Run = Callable[[Partners, Asked], Awaitable[Any]]


def _bound(run: Run, partners: Find, syncs: Syncs) -> Callable[[Any], Awaitable[Any]]:
    async def answer(ask: Any) -> Any:
        found = partners(ask)
        if found is None:
            raise Refused("noRoaming")
        try:
            answered = await run(found, ask)
        except BadAddress as bad:
            raise Refused("badAddress", bad.description) from None
        except PeerFault as fault:
            raise Refused("partnerUnfit", fault.description) from None
        except PeerRefused as refused:
            raise Refused("partnerRefused", f"{refused.code} {refused.description}".strip()) from None
        except Unreachable as silent:
            raise Refused("partnerSilent", str(silent)) from None
        return _shown(answered, list(syncs(ask)))

    answer.__name__, answer.__doc__ = run.__name__.removeprefix("_"), run.__doc__
    return answer


# ── the operations ──────────────────────────────────────────────────────────────────────


async def _list_partners(partners: Partners, _: Asked) -> Any:
    """All partners."""
    return partners.all()


async def _show_partner(partners: Partners, ask: Asked) -> Any:
    """One partner."""
    return partners.known(ask.path["partner"])


async def _invite_partner(partners: Partners, ask: Asked) -> Any:
    """Make a registration token for a partner that will register at us; the one from before is dead."""
    body: m.InvitePartner = ask.body
    id = ask.path["partner"]
    token = await partners.invite(id, body.role, name=body.name, party=_party(body.party), actor=ask.actor)
    return m.Invitation(partner=id, token=token.text(), versions_url=partners.ours.versions_url)


async def _add_partner(partners: Partners, ask: Asked) -> Any:
    """Keep a partner that gave us its registration token; nothing is asked there yet."""
    body: m.AddPartner = ask.body
    id = ask.path["partner"]
    token, party = Secret(body.token), _party(body.party)
    await partners.add(id, body.role, body.versions_url, token, actor=ask.actor, name=body.name, party=party)
    return partners.known(id)


async def _register_partner(partners: Partners, ask: Asked) -> Any:
    """Register at a partner that was added."""
    return await partners.register(ask.path["partner"], actor=ask.actor)


async def _rotate_partner(partners: Partners, ask: Asked) -> Any:
    """Exchange both tokens with a partner, and read its versions and endpoints anew."""
    return await partners.rotate(ask.path["partner"], actor=ask.actor)


async def _unregister_partner(partners: Partners, ask: Asked) -> Any:
    """End a registration; it is over for us also where the partner does not answer."""
    return await partners.unregister(ask.path["partner"], actor=ask.actor)


async def _change_partner(partners: Partners, ask: Asked) -> Any:
    """Change what is ours to say of a partner."""
    id, body = ask.path["partner"], msgspec.to_builtins(ask.body)
    said = {name: value for name, value in body.items() if value is not None}
    quirks = {name: said.pop(name) for name in list(said) if name in Quirks.__dataclass_fields__}
    if quirks:
        said["quirks"] = replace(partners.known(id).quirks, **quirks)
    return await partners.change(id, actor=ask.actor, **said)


async def _remove_partner(partners: Partners, ask: Asked) -> None:
    """End a registration and forget the partner; objects that came from it stay."""
    await partners.remove(ask.path["partner"], actor=ask.actor)


_ONE: Final = "/partners/{partner}"
_UNKNOWN: Final = ("unknownPartner",)
_ROWS: Final[tuple[tuple[str, str, Run, dict[str, Any]], ...]] = (
    ("GET", "/partners", _list_partners, {"gives": m.PartnerList}),
    ("GET", _ONE, _show_partner, {"gives": m.PartnerInfo, "refuses": _UNKNOWN}),
    ("POST", f"{_ONE}/invite", _invite_partner, {
        "takes": m.InvitePartner, "gives": m.Invitation, "refuses": ("badPartnerId", "alreadyRegistered", "underWay"),
    }),
    ("PUT", _ONE, _add_partner, {
        "takes": m.AddPartner, "gives": m.PartnerInfo,
        "refuses": ("badPartnerId", "alreadyRegistered", "underWay", "badAddress"),
    }),
    ("POST", f"{_ONE}/register", _register_partner, {
        "gives": m.PartnerInfo, "refuses": (*_UNKNOWN, "notAdded", "badAddress", *_HANDSHAKE),
    }),
    ("POST", f"{_ONE}/rotate", _rotate_partner, {
        "gives": m.PartnerInfo, "refuses": (*_UNKNOWN, "notRegistered", "badAddress", *_HANDSHAKE),
    }),
    ("POST", f"{_ONE}/unregister", _unregister_partner, {
        "gives": m.PartnerInfo, "refuses": (*_UNKNOWN, "notRegistered", "underWay"),
    }),
    ("POST", f"{_ONE}/change", _change_partner, {
        "takes": m.ChangePartner, "gives": m.PartnerInfo, "refuses": (*_UNKNOWN, "badAddress"),
    }),
    ("DELETE", _ONE, _remove_partner, {"refuses": (*_UNKNOWN, "underWay", "suspended")}),
)  # fmt: skip


# ── what is shown ───────────────────────────────────────────────────────────────────────


def _shown(answered: Any, syncs: list[PartnerSync]) -> Any:
    if isinstance(answered, list):
        return m.PartnerList([_partner(each, syncs) for each in answered])
    return _partner(answered, syncs) if isinstance(answered, Partner) else answered


def _partner(one: Partner, syncs: list[PartnerSync]) -> m.PartnerInfo:
    quirks = [name for name in Quirks.__dataclass_fields__ if getattr(one.quirks, name) is True]
    return m.PartnerInfo(
        id=one.id, role=one.role, name=one.name, state=one.state,
        pinned=str(one.pinned or ""), parties=[str(each) for each in one.parties],
        version=one.version, versions_url=one.versions_url,
        modules=[f"{each.module} {each.interface}".strip() for each in one.endpoints],
        registered_at=_time(one.registered_at), rotated_at=_time(one.rotated_at),
        previous_until=_time(one.previous_until), evses=one.evses, sign_allowed=one.sign_allowed,
        sign_reason=one.sign_reason, priority=one.priority, quirks=quirks, oracle_url=one.quirks.oracle_url,
        syncs=[_sync(each) for each in syncs if each.partner == one.id],
    )  # fmt: skip


def _sync(one: PartnerSync) -> m.SyncInfo:
    return m.SyncInfo(
        module=one.module, dirty_since=_time(one.dirty_since), watermark=_time(one.watermark),
        succeeded_at=_time(one.succeeded_at), failed_at=_time(one.failed_at), failure=one.failure,
    )  # fmt: skip


def _party(text: str) -> PartyId | None:
    return parse_party_id(text) if text else None


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
