"""One EVSE put together: the table, the lock, the meter, and the deadlines that drive them.

A bay takes what happens (a driver, an order, a deadline, an answer), steps the table, hands
on the facts and starts what the new state needs. All decisions are made in the pure modules.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from evouch.charging.dialogue import (
    ConnectorChanged,
    LockAnswer,
    Reading,
    SessionAnswer,
    SessionFact,
    StartAnswer,
    StartCharging,
    TokenPresented,
    WebPaymentFailed,
    WebPaymentStarted,
)
from evouch.charging.tokens import Authorization, IdToken, Limit
from evouch.clock import Tick
from evouch.ids import Mac, RemoteStartId, TransactionId
from evouch.station import lock as locks
from evouch.station import rules as book
from evouch.station.car import Car
from evouch.station.charge import Charge
from evouch.station.display import Summary
from evouch.station.lock import Lock, Scene
from evouch.station.machine import ENERGISED, PAYING, Cause, Event, EvseState, Phase, Signal, ordered, presented
from evouch.station.meter import Meter
from evouch.station.spec import V21, EvseSpec, Quirk
from evouch.station.world import World
from evouch.units import Money

__all__ = ["Bay"]

#: "No currency is involved" (ISO 4217).
UNSAID: Final = "XXX"
#: How long a sentence stays on the display, in seconds.
MESSAGE_SECONDS: Final = 20
ENERGY, POWER, SOC = "Energy.Active.Import.Register", "Power.Active.Import", "SoC"


class Bay:
    """One EVSE of a running station."""

    def __init__(self, spec: EvseSpec, world: World) -> None:
        self.spec = spec
        self.state = EvseState(number=spec.number, connectors=spec.connectors)
        self.meter = Meter(curve=spec.curve, register=spec.register)
        self.lock: Lock | None = None
        self.charge: Charge | None = None
        #: what the driver typed in at the display before scanning
        self.wishes = Limit()
        self.car = Car(self, world)
        #: when the open transaction began, which may be before anybody is authorised
        self._opened = Tick(0.0)
        self._message: tuple[str, Tick] = ("", Tick(0.0))
        self._world = world

    # ── the driver ──────────────────────────────────────────────────────────────────────

    def plug(self, connector: int | None = None, vehicle: Mac | None = None) -> None:
        """Plug a cable in; nothing happens where one is in already. ``vehicle`` is the car's address."""
        if self.state.cable is not None:
            return
        self.car.vehicle = vehicle
        if not self.state.busy:
            self.charge = None
        self.happen(Event(signal=Signal.PLUG, connector=connector or self.spec.connectors[0]))

    def unplug(self) -> None:
        """Pull the cable at the car's side."""
        if self.state.cable is None:
            return
        self.car.leave()
        ends = self._world.configuration.stop_on_unplug or "EVConnected" in self._rules.stop_points
        pulled = not ends and self.state.phase in ENERGISED
        self.happen(Event(signal=Signal.PULL if pulled else Signal.UNPLUG))
        if not pulled:
            self.meter = self.meter.next_car(self._tick)

    def swipe(self, token: IdToken) -> None:
        """Present a card: it starts, it stops its own charge, or it is told why not."""
        verdict = presented(self.state, token, locked=self.locked)
        if isinstance(verdict, str):
            self.show(verdict)
        else:
            self.happen(verdict)

    def stop(self, cause: Cause = Cause.LOCAL) -> None:
        """End the charge that runs or is about to."""
        if self.state.busy:
            self.happen(Event(signal=Signal.STOP, cause=cause))

    def wish(self, wishes: Limit) -> None:
        """Take what the driver typed in at the display; it goes into the URL of the code."""
        self.wishes = wishes
        self._world.changed()

    # ── the backend ─────────────────────────────────────────────────────────────────────

    def start(self, order: StartCharging) -> StartAnswer:
        """Take a remote start: it ends a lock, whoever the token belongs to."""
        self._unlock()
        refusal = ordered(self.state, order.token)
        if refusal:
            return StartAnswer(accepted=False, reason=refusal)
        asked = self._world.configuration.authorize_remote
        signal = Signal.ASK if asked else Signal.GRANTED
        self.happen(Event(signal=signal, token=order.token, remote_start=order.remote_start))
        session = self.state.session
        known = session.handle if session and self._rules.modern else None
        return StartAnswer(accepted=True, transaction=known)

    def payment_started(self, order: WebPaymentStarted) -> LockAnswer:
        """Lock, extend or release."""
        verdict = locks.judge(order, self._scene())
        if verdict.lock is not None and verdict.lock != self.lock:
            self._message = ("", self._tick)
        self._hold(verdict.lock)
        return verdict.answer

    def payment_failed(self, order: WebPaymentFailed) -> LockAnswer:
        """Release and show the backend's words."""
        verdict = locks.judge_failure(order, self._scene())
        self._hold(verdict.lock)
        if verdict.lock is None and order.messages:
            self.show(order.messages[0].content)
        return verdict.answer

    def answered(self, handle: TransactionId, answer: SessionAnswer) -> None:
        """Take the backend's answer to a fact of transaction ``handle``."""
        charge = self.charge
        if charge is None or charge.handle != handle:
            return
        if answer.message:
            self.show(answer.message.content)
        if answer.authorization is not None and not answer.authorization.accepted:
            self.deauthorised()
        elif self.state.phase is Phase.STARTING:
            self.happen(Event(signal=Signal.CLOSE))
        if answer.limit is not None and charge.keep(self._limit(answer.limit), self._world.configuration.supports):
            self.sample("LimitSet")
            self._arm(self.state)
        if answer.total_cost is not None:
            self.costs(answer.total_cost)

    def deauthorised(self) -> None:
        """The backend does not accept the token of the running transaction after all."""
        if self.state.busy and (self._world.configuration.stop_on_invalid or self.state.phase is Phase.STARTING):
            self.stop(Cause.DEAUTHORISED)
            self.show("This payment or card was not accepted. Charging has stopped.")

    def costs(self, cost: Money) -> None:
        """Take the running cost as the backend reckons it."""
        charge = self.charge
        if charge is None:
            return
        charge.cost = self._local(cost)
        if charge.cost_used_up():
            self.stop(Cause.COST_LIMIT)
        self._world.changed()

    def _local(self, money: Money) -> Money:
        """Return money in the station's currency where the wire named none: 2.x carries plain numbers."""
        return Money(money.amount, self._world.spec.currency) if money.currency == UNSAID else money

    def _limit(self, limit: Limit) -> Limit:
        return replace(limit, max_cost=self._local(limit.max_cost)) if limit.max_cost else limit

    def nobody_answers(self) -> None:
        """The backend is gone: a charge that waits for its word on StartTransaction begins without it."""
        if self.state.phase is Phase.STARTING:
            self.happen(Event(signal=Signal.CLOSE))

    def sample(self, trigger: str = "MeterValuePeriodic") -> bool:
        """Say the meter's reading within the running transaction; return whether there is one."""
        outcome = book.periodic(self.state, self._moment(), self._rules, trigger)
        self.state = outcome.state
        self._say(outcome.facts)
        return bool(outcome.facts)

    def report(self, connector: int | None = None) -> tuple[ConnectorChanged, ...]:
        """Return the status of every connector, or of one."""
        facts = book.connector_facts(self.state, self._world.time.now(), self._rules)
        return tuple(fact for fact in facts if connector in {None, fact.connector})

    def reboot(self) -> None:
        """Lose what only the memory held."""
        self._unlock()
        self.car.silence()
        self._message = ("", Tick(0.0))

    # ── what the display asks ───────────────────────────────────────────────────────────

    @property
    def reserved(self) -> int | None:
        """The id of the reservation that this EVSE is kept for."""
        return self.state.reservation.id if self.state.reservation else None

    @property
    def locked(self) -> bool:
        """Whether a payment by phone holds this EVSE."""
        return self.lock is not None and self.lock.held(self._tick)

    @property
    def message(self) -> str:
        """The sentence that the driver should read now."""
        text, until = self._message
        return text if self._tick < until else ""

    def show(self, text: str) -> None:
        """Put a sentence on the display for a while."""
        self._message = (text, Tick(self._tick + MESSAGE_SECONDS))
        self._world.timers.set(self._timer("message"), self._message[1], self._world.changed)
        self._world.changed()

    def summary(self, at: Tick) -> Summary | None:
        """Return what the driver is told about the charge that runs, or about the last one."""
        return self.charge.summary(self.meter, at) if self.charge else None

    # ── the table at work ───────────────────────────────────────────────────────────────

    def happen(self, event: Event) -> None:
        """Step the table; say what follows and begin what the new state needs."""
        before = self.state
        outcome = book.step(before, event, self._moment(), self._rules)
        self.state = outcome.state
        if outcome.state.phase is not before.phase and event.signal is not Signal.DENIED:
            self._message = ("", self._tick)
        if outcome.state.busy and not before.busy:
            self.charge = Charge(register=self.meter.energy(self._tick))
            self.wishes = Limit()
        if outcome.state.session and not before.session:
            self._opened = self._tick
        if self.charge and outcome.state.busy and outcome.state.session:
            self.charge.handle, self.charge.opened = outcome.state.session.handle, self._opened
        self._say(outcome.facts)
        if (
            before.reservation
            and not outcome.state.reservation
            and outcome.state.phase in {Phase.FAULTED, Phase.UNAVAILABLE}
        ):
            self._world.reservation_over(before.reservation.id, "Removed")
        self._follow(before, outcome.state)
        self._world.changed()

    def _follow(self, before: EvseState, after: EvseState) -> None:
        """Begin and end what depends on the state."""
        if after.phase is Phase.CHARGING:
            self.meter = self.meter.on(self._tick)
            if self.charge and self.charge.began is None:
                self.charge.began = self._tick
        elif before.phase is Phase.CHARGING:
            self.meter = self.meter.off(self._tick)
        self.car.follow(before, after)
        if before.busy and not after.busy and self.charge:
            self.charge.ended = self._tick
        self._arm(before)
        if after.phase is before.phase:
            return
        if after.phase is Phase.AUTHORISING and after.token is not None:
            self._world.timers.spawn(self._ask(after.token, after.remote_start))
        elif after.phase is Phase.STARTING and (self._rules.modern or not self._world.online()):
            self.happen(Event(signal=Signal.CLOSE))

    def _arm(self, before: EvseState) -> None:
        """Set the deadlines of the state we are in, and take away those of the one we left."""
        now, state = self._tick, self.state
        waiting = state.phase is Phase.AWAITING
        if waiting is not (before.phase is Phase.AWAITING):
            seconds = self._world.configuration.cable_timeout
            self._timer_set("cable", Tick(now + seconds) if waiting and seconds else None, self._no_cable)
        self._timer_set("full", self.meter.full(), self._full)
        limited = self.charge if state.busy else None
        spent, over = (limited.energy_used_up(self.meter), limited.time_used_up()) if limited else (None, None)
        self._timer_set("energy", spent, lambda: self.stop(Cause.ENERGY_LIMIT))
        self._timer_set("time", over, lambda: self.stop(Cause.TIME_LIMIT))
        if (state.phase in ENERGISED) is not (before.phase in ENERGISED):
            self._schedule_sample()

    def _schedule_sample(self) -> None:
        seconds = self._world.configuration.sample_interval
        due = seconds > 0 and self.state.phase in ENERGISED
        self._timer_set("sample", Tick(self._tick + seconds) if due else None, self._sampled)

    def _sampled(self) -> None:
        self.sample()
        self._schedule_sample()

    def _no_cable(self) -> None:
        self.stop(Cause.TIMEOUT)
        self.show("No cable was plugged in in time. Nothing is charged; please start again.")

    def _full(self) -> None:
        self.happen(Event(signal=Signal.PAUSE_EV))

    async def _ask(self, token: IdToken, remote: RemoteStartId | None) -> None:
        """Ask the backend about a token, and go by its answer."""
        answer = await self._world.ask(TokenPresented(token=token))
        if self.state.phase is not Phase.AUTHORISING or self.state.token != token:
            return
        signal, sentence = self._verdict(answer)
        if signal is Signal.GRANTED and remote is None and self.locked:
            signal, sentence = Signal.DENIED, PAYING
        self.happen(Event(signal=signal, token=token, remote_start=remote))
        if sentence:
            self.show(sentence)

    def _verdict(self, answer: object) -> tuple[Signal, str]:
        if isinstance(answer, Authorization):
            return (Signal.GRANTED, "") if answer.accepted else (Signal.DENIED, "This card was not accepted.")
        if self._world.configuration.start_offline:
            return Signal.GRANTED, ""
        return Signal.DENIED, "Your card cannot be checked right now: this charging point has no connection."

    # ── the lock ────────────────────────────────────────────────────────────────────────

    def _scene(self) -> Scene:
        native = self._world.spec.version == V21
        return Scene(
            connectors=self.spec.connectors, held=self.lock, busy=self.state.busy, native=native, at=self._tick
        )

    def _hold(self, lock: Lock | None) -> None:
        self.lock = lock
        if lock is not None:
            self.car.silence()
        self._timer_set("lock", lock.until if lock else None, self._expired)
        self._world.changed()

    def _unlock(self) -> None:
        if self.lock is not None:
            self._hold(None)

    def _expired(self) -> None:
        self.lock = None
        self.show("The payment by phone was not finished in time. Please scan the code again.")

    # ── saying it ───────────────────────────────────────────────────────────────────────

    def _say(self, facts: tuple[ConnectorChanged | SessionFact, ...]) -> None:
        handle = self.charge.handle if self.charge else None
        for fact in facts:
            if isinstance(fact, ConnectorChanged):
                self._world.tell(fact)
            else:
                measured = replace(fact, readings=tuple(self._measured(reading) for reading in fact.readings))
                self._world.book(fact.transaction or handle or TransactionId(""), measured)

    def _measured(self, reading: Reading) -> Reading:
        """Return what of a sample is configured to be said; 1.6 names the register at both ends anyway."""
        wanted = self._world.configuration.measurands(reading.context)
        ends = not self._rules.modern and reading.context.startswith("Transaction.")
        return replace(
            reading,
            energy=reading.energy if ends or ENERGY in wanted else None,
            power=reading.power if POWER in wanted else None,
            soc=reading.soc if SOC in wanted else None,
            spelling=self._spelling,
        )

    @property
    def _spelling(self) -> str:
        quirks = self._world.spec.quirks
        return "kWh" if Quirk.KWH in quirks else "bare" if Quirk.BARE_SAMPLES in quirks else "Wh"

    def _moment(self) -> book.Moment:
        now = self._world.time.now()
        return book.Moment(
            at=now,
            reading=self.meter.reading(self._tick, now),
            fresh=TransactionId(self._world.entropy.id()),
            online=self._world.online(),
        )

    @property
    def _tick(self) -> Tick:
        return self._world.clock.tick()

    @property
    def _rules(self) -> book.Rules:
        return self._world.configuration.rules

    def _timer(self, name: str) -> str:
        return f"{self.spec.number}/{name}"

    def _timer_set(self, name: str, tick: Tick | None, act: Callable[[], None]) -> None:
        self._world.timers.set(self._timer(name), tick, act)
