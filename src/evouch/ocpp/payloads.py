"""Tolerant in, strict out: what a payload must be before it comes up, and before it goes down."""

from collections import Counter
from typing import Any, Final, Literal

from jsonschema_rs import Validator

from evouch.errors import LocalError, PeerFault
from evouch.ids import OcppVersion
from evouch.ocpp.refusals import Code, fault_of_violations
from evouch.ocpp.schemas import catalogue
from evouch.ocpp.tolerances import tolerate
from evouch.ocpp.versions import V16

__all__ = ["Part", "Payloads"]

Json = Any
Part = Literal["request", "response"]


class Payloads:
    """The payloads of one version. ``tally`` counts the tolerances that were needed."""

    __slots__ = ("_catalogue", "actions", "extensions", "known", "sends", "tally", "version")

    def __init__(self, version: OcppVersion, tally: Counter[str]) -> None:
        self.version: Final = version
        self.tally: Final = tally
        self._catalogue = catalogue(version)
        self.actions: Final = self._catalogue.actions
        self.extensions: Final = self._catalogue.extensions
        self.sends: Final = self._catalogue.sends
        self.known: Final = self._catalogue.known

    def fits(self, action: str, payload: Json) -> bool:
        """Tell whether a peer's request fits its schema without any tolerance."""
        return type(payload) is dict and action in self.actions and self._catalogue.request(action).is_valid(payload)

    def received(self, action: str, part: Part, payload: Json) -> Json:
        """Return a peer's payload as it is meant; raise the ``PeerFault`` that names the rule it breaks."""
        if type(payload) is not dict:
            raise PeerFault(Code.FORMAT, "the payload is not an object")
        schema = self._schema(action, part)
        if schema.is_valid(payload):
            return payload
        meaning = tolerate(self.version, action, part, payload)
        if not schema.is_valid(meaning.judged):
            raise fault_of_violations(self.version, schema.iter_errors(meaning.judged), payload)
        self.tally.update(meaning.counters)
        return meaning.payload

    def sent(self, action: str, part: Part, payload: Json) -> None:
        """Raise ``LocalError`` where a payload of ours breaks its schema, in anything at all."""
        schema = self._schema(action, part)
        try:
            if schema.is_valid(payload):
                return
            fault = fault_of_violations(V16, schema.iter_errors(payload), payload)
        except ValueError as error:
            raise LocalError(f"{action} {part} of {self.version}: {error}") from None
        raise LocalError(f"{action} {part} of {self.version}: {fault}")

    def _schema(self, action: str, part: Part) -> Validator:
        return self._catalogue.request(action) if part == "request" else self._catalogue.response(action)
