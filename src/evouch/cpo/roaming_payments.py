"""Payments at partners' pages: the lock that they take here, and what stations are told of them (docs/decisions/059).

The lock is the one that a payment here takes (:mod:`evouch.cpo.locks`). It stands in the store,
too, and a restart in the middle of a payment gives the EVSE to nobody else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from evouch.charging.dialogue import Text, WebPaymentFailed, WebPaymentStarted
from evouch.charging.equipment import EvsePlace
from evouch.charging.roaming import RoamingCharge
from evouch.clock import Clock, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.locks import Locks
from evouch.cpo.roaming_charges import place_of
from evouch.cpo.roaming_names import RoamingNames
from evouch.cpo.roaming_orders import PartnerOrders, answer
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.cpo.vehicles_at import Busy
from evouch.ids import EvseNumber, PaymentId, StationId
from evouch.ocpi.model import CommandResponse, WebPaymentNotice
from evouch.ocpi.partner import V221, Partner
from evouch.store.ports import Delete, Put, Store, StoreFailed
from evouch.store.records_roaming import OcpiObject
from evouch.units import format_time, parse_time
from evouch.wire import encode

__all__ = ["LOCKED", "PartnerPayments"]

#: Locks of partners' payments; a module of the store, not of OCPI.
LOCKED: Final = "payments elsewhere"
#: Longest lock that a payment elsewhere may ask for, in seconds (docs/decisions/013).
LONGEST_LOCK: Final = 300
#: Characters of a vendorId (OCPP 2.1 part 2 §2, CustomDataType), and octets of a customData that a station is
#: sent: the whole of a message that small stations read is 4 KiB or less.
LONGEST_VENDOR: Final = 255
MOST_CUSTOM: Final = 2048
#: Locks that a restart takes up at most: an EVSE has one, and in five minutes few are paid for.
_MOST: Final = 100_000


@dataclass(slots=True)
class PartnerPayments:
    """Locks EVSEs for partners' payers. Notices are answered at once."""

    store: Store
    orders: PartnerOrders
    names: RoamingNames
    busy: Busy
    locks: Locks
    agenda: Agenda
    clock: Clock
    terms: RoamingTerms

    async def resume(self) -> None:
        """Take up the locks that were held when the process ended."""
        now = self.clock.now()
        for row in (await self.store.ocpi_page(LOCKED, None, limit=_MOST))[0]:
            place = EvsePlace(StationId(row.body["station"]), EvseNumber(row.body["evse"]))
            left = (parse_time(row.body["until"]) - now).total_seconds()
            if left > 0:
                self._hold(row.partner, place, left)
            else:
                await self.store.commit(Delete(row))

    def others(self, partner: Partner, place: EvsePlace) -> bool:
        """Return whether somebody else than a partner's own customer is paying for an EVSE."""
        return self.locks.holder(place, self.clock.tick()) not in {None, _holder(partner.id, place)}

    def release(self, charge: RoamingCharge) -> None:
        """A partner's customer charges: the lock of the partner's own payment has done its work."""
        place = place_of(charge)
        if place is not None and self._held(charge.partner, place):
            self.locks.free(place, _holder(charge.partner, place))
            self.agenda.soon(partial(self._forget, charge.partner, place))

    # ── notices ──

    async def started(self, partner: Partner, version: str, body: WebPaymentNotice) -> CommandResponse:
        """A payment has begun, or with a timeout of 0 is over: lock the EVSE and tell the station."""
        place, refused = self._where(partner, version, body)
        if place is None:
            return refused
        seconds = body.timeout
        if seconds is None or not 0 <= seconds <= LONGEST_LOCK:
            return answer("REJECTED", "timeout is 1 to 300 seconds, or 0")
        if seconds == 0:
            await self._free(partner.id, place)
        elif self.busy.taken(place) or not await self._take(partner.id, place, seconds):
            return answer("REJECTED", "the EVSE is in use")
        order = WebPaymentStarted(evse=place.evse, timeout=seconds, custom=body.custom_data)
        self.orders.give(partner, body.response_url, place, order, partial(self._heard, partner.id, place))
        return answer("ACCEPTED")

    async def failed(self, partner: Partner, version: str, body: WebPaymentNotice) -> CommandResponse:
        """A payment came to nothing: free the EVSE, and have the station say why."""
        place, refused = self._where(partner, version, body)
        if place is None:
            return refused
        await self._free(partner.id, place)
        texts = _texts(body.error_message or body.error_texts)
        order = WebPaymentFailed(evse=place.evse, messages=texts, custom=body.custom_data)
        self.orders.give(partner, body.response_url, place, order)
        return answer("ACCEPTED")

    def _where(
        self, partner: Partner, version: str, body: WebPaymentNotice
    ) -> tuple[EvsePlace | None, CommandResponse]:
        """Return which EVSE is meant, or what to answer: the list of commands is closed on 2.2.1."""
        if version == V221 and not partner.quirks.web_payment_on_221:
            return None, answer("NOT_SUPPORTED")
        if not _can_be_passed_on(body.custom_data):
            return None, answer("REJECTED", "customData is an object with a vendorId, and a short one")
        place = None
        if body.evse_uid is not None or body.evse_id is not None:
            place = self.names.place(body.location_id, body.evse_uid, body.evse_id)
        return place, answer("REJECTED", "no such EVSE")

    async def _heard(self, partner: str, place: EvsePlace, word: str) -> None:
        if word == "REJECTED":  # in use, and the station knows it first
            await self._free(partner, place)

    # ── the lock, here and in the store ──

    async def _take(self, partner: str, place: EvsePlace, seconds: int) -> bool:
        if not self._hold(partner, place, seconds):
            return False
        try:
            await self.store.commit(Put(self._row(partner, place, self.clock.now() + timedelta(seconds=seconds))))
        except StoreFailed:
            self.locks.free(place, _holder(partner, place))
            raise
        return True

    async def _free(self, partner: str, place: EvsePlace) -> None:
        if self._held(partner, place):
            self.locks.free(place, _holder(partner, place))
            await self._forget(partner, place)

    async def _forget(self, partner: str, place: EvsePlace) -> None:
        await self.store.commit(Delete(self._row(partner, place, self.clock.now())))

    def _held(self, partner: str, place: EvsePlace) -> bool:
        return self.locks.holder(place, self.clock.tick()) == _holder(partner, place)

    def _hold(self, partner: str, place: EvsePlace, seconds: float) -> bool:
        now = self.clock.tick()
        return self.locks.take(place, _holder(partner, place), Tick(now + seconds), now)

    def _row(self, partner: str, place: EvsePlace, until: datetime) -> OcpiObject:
        body = {"station": str(place.station), "evse": int(place.evse), "until": format_time(until)}
        return OcpiObject(
            module=LOCKED, partner=partner, owner=self.terms.party, id=str(place).upper(), body=body,
            last_updated=self.clock.now(),
        )  # fmt: skip


def _holder(partner: str, place: EvsePlace) -> PaymentId:
    """Return whose lock a partner's payment is; one at a time per EVSE."""
    return PaymentId(f"ocpi:{partner}:{place}")


def _texts(message: Any) -> tuple[Text, ...]:
    """Read a list of OCPI's {language, text} or OCPP's {format, language, content}, or one; all else says nothing."""
    items = message if isinstance(message, list) else [message]
    said = [(each.get("text", each.get("content")), each) for each in items if isinstance(each, dict)]
    return tuple(
        Text(content[:512], str(each.get("language", "en"))[:8], str(each.get("format", "UTF8"))[:16])
        for content, each in said if isinstance(content, str)
    )  # fmt: skip


def _can_be_passed_on(custom: Any) -> bool:
    """Return whether a partner's customData is what OCPP has room for (part 2 §2, CustomDataType)."""
    if custom is None:
        return True
    vendor = custom.get("vendorId") if isinstance(custom, dict) else None
    named = isinstance(vendor, str) and 0 < len(vendor) <= LONGEST_VENDOR
    return named and len(encode(custom)) <= MOST_CUSTOM
