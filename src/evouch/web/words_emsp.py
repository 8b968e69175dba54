"""What an eMSP says to drivers and staff: one table per kind of news, in plain words. Pure.

Reasons are the short stable words that use-cases give; pages show none that stands in no table here.
"""

from typing import Final

from evouch.autocharge.checks import Outcome
from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.emsp.eligibility import Offer
from evouch.ids import Vid
from evouch.store.records_roaming import Car

__all__ = [
    "DONE", "EVENTS", "OFFERS", "PROBLEMS", "REFUSALS", "SESSIONS", "STATUSES", "car", "finding", "short", "start",
    "status", "stop",
]  # fmt: skip

#: Reason → HTTP status and sentence of a refusal; API and pages say the same.
REFUSALS: Final[dict[str, tuple[int, str]]] = {
    "unknownPartner": (404, "There is no such partner."),
    "noSuchDriver": (404, "There is no such driver."),
    "noSuchVehicle": (404, "There is no such vehicle."),
    "noSuchToken": (404, "There is no such card or token."),
    "noSuchNotice": (404, "There is no such message."),
    "noSuchSession": (404, "There is no such session."),
    "driverExists": (409, "There is a driver with this id already."),
    "contractTaken": (409, "This contract belongs to another driver, and a driver keeps his."),
    "tokenTaken": (409, "This card or token belongs to another driver."),
    "notRunning": (409, "This charge is over already."),
    "noticeExpired": (409, "This question has expired. Plug in again to be asked once more."),
    "alreadyAnswered": (409, "This question was answered already."),
    "notGranted": (409, "This car does not start by itself. Allow it first, in the list of your cars."),
    "contractNotInOrder": (409, "Your contract does not allow a charge now. Please look into it with us."),
    "modelNotSupported": (
        409, "This needs a model that is known to work. Tell us first what you drive, in the list of your cars.",
    ),
    "bindAgain": (409, "Our key for cars has changed. Charge this car once with your card, and we ask you again."),
    "whichEvse": (422, "Say at which charging point your car is."),
    "reasonMissing": (422, "Give a reason. It is kept, and those whom it concerns read it."),
    "badDriver": (422, "A driver has a name, a contract of 1 to 36 characters, and an id of A-Z a-z 0-9 . _ -"),
    "badToken": (422, "A card or token has 1 to 36 printable ASCII characters, and a type and whitelist as in OCPI."),
    "badTime": (422, "A time looks like 2026-11-20T08:00:00Z."),
    "badAmount": (422, "An amount is decimal text like 12.50, with a currency like EUR."),
    "badCar": (422, "Say make and model of the car, like Tesla and Model 3."),
    "badPlace": (422, "This place cannot be used."),
    "badKey": (422, "This is no key: 64 hexadecimal digits, from a backup."),
}  # fmt: skip

#: Status, heading, sentence of a request that leads nowhere.
PROBLEMS: Final[dict[str, tuple[int, str, str]]] = {
    "notFound": (404, "There is nothing here", "Go back, or begin again at /me."),
    "wrongMethod": (405, "This did not work", "Please go back and try again."),
    "foreignForm": (403, "This did not come from our page", "Please go back, reload the page and try again."),
    "notLoggedIn": (401, "You are not logged in", "Your login has run out. Open your personal link again."),
    "tooLarge": (413, "This is more than the form has fields for", "Please go back and try again."),
    "tooManyRequests": (429, "Too many tries", "Please wait a moment, then try again."),
    "malformed": (400, "This did not work", "The address or the form is not complete. Please go back and try again."),
    "serverError": (500, "Something went wrong here", "It is not your fault. Please try again in a moment."),
    **{reason: (code, "This was not done", says) for reason, (code, says) in REFUSALS.items()},
}

#: What pages say after something was done, or could not be.
DONE: Final[dict[str, str]] = {
    "granted": "Done. This car may start by itself from now on.",
    "declined": "All right. Nothing changes.",
    "revoked": "Done. This car does not start by itself any more.",
    "never": "Done. This car does not start by itself, and you are not asked again.",
    "confirmed": "Thank you. The station is being asked to start.",
    "refused": "All right. It is not started.",
    "stopping": "The station is being asked to stop.",
    "cars": "Your cars are noted.",
    "place": "Your place is noted. It is forgotten after a quarter of an hour.",
    "driverAdded": "The driver is added. Make a phone link next.",
    "driverChanged": "Done.",
    "tokenAdded": "The card is added. Operators are being told.",
    "tokenChanged": "Done. Operators are being told.",
    "withdrawn": "The vehicle is revoked. Its driver and all operators are being told.",
    "suspended": "The right to ask for signatures is suspended.",
    "lifted": "The right to ask for signatures is given back, with the whole budget.",
    "rotated": "A new key is in use. Vehicles of the old one have to be bound again.",
    "erased": "The driver is erased. Bills stay, without a name.",
    **{reason: says for reason, (_, says) in REFUSALS.items()},
}

#: Whether automatic charging is offered, as the list of cars says it.
OFFERS: Final[dict[Offer, str]] = {
    Offer.YES: "Your car can start by itself. After the first charge with your card you are asked whether it shall.",
    Offer.ASK: "Not every car can start by itself. After a charge with your card you are asked whether this one shall.",
    Offer.NO: "None of these models can start by itself: they show another address at each plug-in.",
}

#: Status of a session (OCPI SessionStatus) → word and mark.
SESSIONS: Final[dict[str, tuple[str, str]]] = {
    "PENDING": ("Starting", "wait"),
    "ACTIVE": ("Charging", "good"),
    "COMPLETED": ("Finished", ""),
    "INVALID": ("Not valid", "bad"),
    "RESERVATION": ("Reserved", "wait"),
}

#: What a driver has said of a vehicle → word and mark.
STATUSES: Final[dict[AutoChargeStatus, tuple[str, str]]] = {
    AutoChargeStatus.GRANTED: ("Starts by itself", "good"),
    AutoChargeStatus.REVOKED: ("Does not start by itself", ""),
    AutoChargeStatus.DO_NOT_ASK: ("Does not start by itself, and is not asked about", ""),
}
_WAITING: Final = ("Waits for an answer", "wait")

#: Kinds of security events, as staff read them.
EVENTS: Final[dict[str, str]] = {
    "signOracle": "A partner asks for signatures unlike an operator.",
    "signSuspended": "The watch has suspended a partner's right to ask.",
    "unauthorisedSession": "A vehicle charges that was not let charge.",
}

_UNDER_WAY: Final = frozenset({"sent", "accepted"})
_STOPS: Final[dict[str, str]] = {
    "ACCEPTED": "The station has been stopped. It says so here in a moment.",
    "UNKNOWN_SESSION": "The operator does not know this charge any more.",
    "NOT_SUPPORTED": "This station cannot be stopped from here. Stop it at the station or in the car.",
}
_STOP_FAILED: Final = "It could not be stopped from here. Try again, or stop it at the station or in the car."
_STARTS: Final[dict[str, str]] = {
    "ACCEPTED": "The station starts.",
    "EVSE_OCCUPIED": "The charging point is in use. Check that it is yours.",
    "EVSE_INOPERATIVE": "The charging point is out of order. Please use another one.",
    "NOT_SUPPORTED": "This station cannot be started from here. Please use your card or app.",
}
_START_FAILED: Final = "The station did not start. Please use your card or app."
_FINDINGS: Final = {Outcome.PASS: "good", Outcome.FAIL: "bad", Outcome.UNKNOWN: ""}


def short(vid: Vid) -> str:
    """Return the end of a VID, enough to tell a few cars apart."""
    return f"…{vid[-6:].upper()}"


def car(vid: Vid, cars: tuple[Car, ...] = (), *, alone: bool = False) -> str:
    """Return how a driver calls a vehicle: by its model where he has one car and one vehicle, else by its number."""
    if alone and len(cars) == 1:
        return f"{cars[0].make} {cars[0].model}"
    return f"Car {short(vid)}"


def status(vehicle: Vehicle) -> tuple[str, str]:
    """Return what its driver has said of a vehicle, as word and mark."""
    asked = vehicle.status is AutoChargeStatus.REVOKED and vehicle.authorized is None and vehicle.revoked is None
    return _WAITING if asked else STATUSES[vehicle.status]


def stop(outcome: str) -> str:
    """Return what became of a stop; "" where none was asked for."""
    if outcome in _UNDER_WAY:
        return "The station was asked to stop. This takes a few seconds."
    return _STOPS.get(outcome, _STOP_FAILED) if outcome else ""


def start(outcome: str) -> str:
    """Return what became of a start that the driver said yes to."""
    if outcome in _UNDER_WAY:
        return "The station was asked to start. This takes a few seconds."
    return _STARTS.get(outcome, _START_FAILED)


def finding(text: str) -> tuple[str, str]:
    """Return what a check found, as mark and sentence: ``fail: 900 km/h`` is ("bad", "900 km/h")."""
    word, _, why = text.partition(": ")
    return next((mark for outcome, mark in _FINDINGS.items() if outcome.value == word), ""), why or word
