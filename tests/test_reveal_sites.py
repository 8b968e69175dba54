"""Secrets are opened in few places, each for a reason that stands here."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "src" / "evouch"

#: File → how often it opens a secret, and why.
SITES: dict[str, tuple[int, str]] = {
    "autocharge/asking.py": (1, "The OPRF is given the six octets that it hashes."),
    "autocharge/mac.py": (2, "The filter looks at an address, and shows no more than the maker's prefix."),
    "cli/demo.py": (1, "The provider's key and webhook secret are handed to the backend in files."),
    "cli/demo_identity.py": (1, "A new private key is written to the file of the station that has it."),
    "cli/identity.py": (1, "A new private key is written to its owner's file."),
    "cli/keys.py": (1, "The token that a partner is invited with is written to a file for the operator."),
    "cli/oprf.py": (4, "An instrument prints a key and blinds, as it was asked to, and hashes an address."),
    "cli/mock.py": (1, "A mock prints the registration token that it is to be tried with."),
    "cli/partner.py": (1, "A partner's registration token is handed to the backend that registers with it."),
    "cli/operator_api.py": (1, "Commands send the operator's token to the backend that it is for."),
    "cli/serve.py": (1, "The id of a grant key is a hash of it."),
    "cpo/gate.py": (2, "Machine passwords are compared by keyed hash, made from pepper and password."),
    "store/operators.py": (4, "People's passwords meet argon2 twice, bearer tokens and the pepper meet HMAC."),
    "emsp/drivers.py": (2, "The token of a driver's phone and the pepper meet HMAC."),
    "emsp/keys.py": (1, "A new key is written down, as 64 hex digits that the store seals."),
    "identity/keys.py": (1, "A private key is loaded from its PKCS #8."),
    "ocpp/aio_client.py": (1, "HTTP Basic sends the password."),
    "ocpp/forms.py": (1, "A setting that is secret is told to the station that shares it."),
    "ocpi/authorization.py": (3, "A token is sent to the partner that made it; of one that it sends, a hash is kept."),
    "ocpi/partners.py": (1, "A new token is told to the partner that will call us with it."),
    "oprf/group_ecdh.py": (3, "A scalar becomes two keys, is inverted behind a mask, and its range is checked."),
    "oprf/group_openssl.py": (1, "A scalar becomes a number of OpenSSL's."),
    "oprf/keys.py": (4, "Keys are read, checked for their range, and derived from a seed."),
    "ocpp/vehicles.py": (1, "A simulated station says which car is plugged in."),
    "psp/sandbox/client.py": (1, "The API key is sent to the provider that issued it."),
    "psp/sandbox/webhooks.py": (2, "Webhooks are signed; the sandbox can also sign one wrongly."),
    "station/settings.py": (1, "A station stores what its backend told it."),
    "store/sealing.py": (3, "Keys seal, secrets are sealed, and the id of a key is a hash of it."),
    "testing/mock_cpo.py": (1, "A mock operator has the address of a vehicle signed."),
    "web/api_partners.py": (1, "An invitation's token is shown once, to who asked for it."),
    "web/emsp_desk.py": (1, "A driver's personal link is shown once, to who made it for him."),
    "web/security.py": (1, "Logins of operators are signed."),
    "webpayment/diagnosis.py": (1, "A wrong code is compared with what known mistakes would make of the secret."),
    "webpayment/grant.py": (1, "Grants are signed."),
    "webpayment/totp.py": (2, "A code is the HMAC of its secret: made once, compared once."),
}


def opened(path: Path) -> int:
    """Count the calls of ``.reveal()`` and ``.text()`` in a file."""
    calls = (
        node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and not node.args
    )
    return sum(isinstance(func, ast.Attribute) and func.attr in {"reveal", "text"} for func in calls)


def test_every_place_that_opens_a_secret_is_known_and_has_a_reason() -> None:
    counted = {path.relative_to(PACKAGE).as_posix(): opened(path) for path in PACKAGE.rglob("*.py")}
    assert {file: count for file, (count, _) in SITES.items()} == {
        file: count for file, count in counted.items() if count
    }
    assert all(reason.endswith(".") for _, reason in SITES.values())
