"""What 1.6 and 2.x say in the same words: boot answers, heartbeats, and what needs no more than an acknowledgement.

Sources: OCPP 1.6 edition 2 §6.4, §6.29, §6.30; OCPP 2.0.1 and 2.1 part 2, BootNotification, Heartbeat.
"""

from typing import Any

from msgspec import field

from evouch.charging.dialogue import BootAnswer, Booted, BootStatus, Fact, Noted, StillThere, TimeAnswer
from evouch.charging.equipment import Wiring
from evouch.ocpp.forms import Struct, one_of, plain, read, read_time
from evouch.ocpp.redaction import hidden
from evouch.ocpp.translator import Call, Json
from evouch.units import format_time

__all__ = [
    "BootNotificationAnswer",
    "HeartbeatAnswer",
    "acknowledge",
    "acknowledged",
    "answer_boot",
    "answer_heartbeat",
    "heard_boot",
    "heard_heartbeat",
    "heartbeat",
    "noted",
    "say_heartbeat",
    "say_noted",
]


class BootNotificationAnswer(Struct):
    """BootNotification.conf (1.6 §6.4), BootNotificationResponse."""

    status: str
    now: str = field(name="currentTime")
    interval: int


class HeartbeatAnswer(Struct):
    """Heartbeat.conf (1.6 §6.30), HeartbeatResponse."""

    now: str = field(name="currentTime")


def answer_boot(_wiring: Wiring, _fact: Booted, answer: BootAnswer) -> Json:
    """Backend: the answer to a BootNotification."""
    return plain(BootNotificationAnswer(status=answer.status, now=format_time(answer.now), interval=answer.interval))


def heard_boot(_wiring: Wiring, _fact: Booted, payload: Json) -> BootAnswer:
    """Station: what that answer says."""
    answer = read(BootNotificationAnswer, payload)
    return BootAnswer(one_of(BootStatus, answer.status), read_time(answer.now, "currentTime"), answer.interval)


def heartbeat(_wiring: Wiring, _action: str, _payload: Json) -> StillThere:
    """Backend: a Heartbeat, whatever it carries."""
    return StillThere()


def answer_heartbeat(_wiring: Wiring, _fact: StillThere, answer: TimeAnswer) -> Json:
    """Backend: the time."""
    return {"currentTime": format_time(answer.now)}


def say_heartbeat(_wiring: Wiring, _fact: StillThere) -> Call:
    """Station: a Heartbeat."""
    return "Heartbeat", {}


def heard_heartbeat(_wiring: Wiring, _fact: StillThere, payload: Json) -> TimeAnswer:
    """Station: the backend's time."""
    return TimeAnswer(read_time(read(HeartbeatAnswer, payload).now, "currentTime"))


def noted(_wiring: Wiring, action: str, payload: Json) -> Noted:
    """Backend: a message that is passed on as it is, but for addresses of vehicles."""
    return Noted(action=action, payload=hidden(payload))


def say_noted(_wiring: Wiring, fact: Noted) -> Call:
    """Station: such a message."""
    return fact.action, fact.payload


def acknowledge(_wiring: Wiring, _fact: Fact[Any], _answer: object) -> Json:
    """Backend: an empty answer."""
    return {}


def acknowledged(_wiring: Wiring, _fact: Fact[None], _payload: Json) -> None:
    """Station: an empty answer says nothing."""
    return
