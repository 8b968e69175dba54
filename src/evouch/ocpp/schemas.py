"""Compiled JSON schemas: one per message, version and direction, made when first needed.

All of them are compiled as draft 4, also those of 2.x, which say draft 6: the two differ
for OCPP in one point only. Draft 6 takes ``60.0`` for an integer, draft 4 does not, and
neither does OCPP (2.x part 4 §4.3, TypeConstraintViolation). That the official files use
no keyword of draft 6 is a test.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema_rs import Draft4Validator, Validator

from evouch.ids import OcppVersion
from evouch.ocpp import versions
from evouch.ocpp.extensions import CONTENTS, EXTENSIONS, Extension

__all__ = ["Catalogue", "catalogue", "content", "validator"]


class Catalogue:
    """What one version can say: its actions, and a validator for each message."""

    def __init__(self, version: OcppVersion, extensions: Sequence[Extension] = EXTENSIONS) -> None:
        self.version: Final = version
        self._extensions = {each.action: each for each in extensions if version in each.versions}
        #: Actions that are not OCPP.
        self.extensions: Final = frozenset(self._extensions)
        #: Actions that may be a CALL.
        self.actions: Final = versions.actions(version) | self.extensions
        #: Actions that may be a SEND.
        self.sends: Final = versions.sends(version)
        self.known: Final = self.actions | self.sends
        self._requests: dict[str, Validator] = {}
        self._responses: dict[str, Validator] = {}

    def request(self, action: str) -> Validator:
        """Return the validator of a CALL's (or SEND's) payload; KeyError where the version has no such action."""
        found = self._requests.get(action)
        if found is None:
            found = self._requests[action] = self._compile(action, response=False)
        return found

    def response(self, action: str) -> Validator:
        """Return the validator of a CALLRESULT's payload; KeyError where the version has no such action."""
        found = self._responses.get(action)
        if found is None:
            found = self._responses[action] = self._compile(action, response=True)
        return found

    def _compile(self, action: str, *, response: bool) -> Validator:
        return Draft4Validator(_read(self._file(action, response=response)))

    def _file(self, action: str, *, response: bool) -> Path:
        if action in self._extensions:
            return self._extensions[action].schema_file(response=response)
        if action not in (self.actions if response else self.known):
            raise KeyError(action)
        return versions.schema_file(self.version, action, response=response)


@cache
def catalogue(version: OcppVersion) -> Catalogue:
    """Return the one catalogue of ``version``, shared by all connections."""
    return Catalogue(version)


def validator(version: OcppVersion, action: str, *, response: bool = False) -> Validator:
    """Return the compiled schema of one message; KeyError where the version has no such action."""
    found = catalogue(version)
    return found.response(action) if response else found.request(action)


@cache
def content(message: str) -> Validator:
    """Return the compiled schema of what a DataTransfer of ours holds; KeyError where there is no such message."""
    files = {each.message: each.schema_file for each in CONTENTS}
    return Draft4Validator(_read(files[message]))


def _read(path: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
    return schema
