"""A public key in a file: KEY.json, or PEM as openssl writes it. A private one is refused, and goes nowhere."""

from typing import Any, Final

from evouch.errors import Refused
from evouch.identity.private import holds_private_key
from evouch.wire import MalformedJson, decode

__all__ = ["ADVICE", "PRIVATE", "key_document_in"]

PRIVATE: Final = "holds a private key, which stays in its station; nothing was sent"
ADVICE: Final = "Enrol the public half: the KEY.json that keygen printed, or the certificate alone."
_NO_KEY: Final = 'is no KEY.json, which looks like {"type", "encoding", "value"}, and no public key in PEM'


def key_document_in(content: bytes) -> dict[str, Any]:
    """Return the key in a file as a KEY.json has it; ``Refused``, whose detail goes on from the file's name.

    The reasons are ``privateKey`` and ``badKey``. Whether it is a key at all is not looked at in JSON.
    """
    text = content.decode("utf-8", "replace")
    if holds_private_key(text):
        raise Refused("privateKey", PRIVATE)
    if "-----BEGIN" in text:
        from evouch.identity.material import key_in_pem

        return dict(key_in_pem(text).document())
    try:
        document = decode(text)
    except MalformedJson:
        raise Refused("badKey", _NO_KEY) from None
    if holds_private_key(document):
        raise Refused("privateKey", PRIVATE)
    if not isinstance(document, dict):
        raise Refused("badKey", _NO_KEY)
    return document
