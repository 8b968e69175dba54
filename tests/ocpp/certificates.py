"""A certificate authority for one test run: a server's certificate and a station's."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Trust:
    """TLS contexts that trust each other."""

    #: takes a client certificate where there is one
    server: ssl.SSLContext
    #: demands one
    strict_server: ssl.SSLContext
    #: asks for none
    careless_server: ssl.SSLContext
    client: ssl.SSLContext
    certified_client: ssl.SSLContext
    authority: x509.Certificate
    station: x509.Certificate


def trust(folder: Path) -> Trust:
    authority = ec.generate_private_key(ec.SECP256R1())
    root = _certificate("root", authority, "root", authority, ca=True)
    (folder / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    issued = {}
    for name in ("localhost", "CS1"):
        key = ec.generate_private_key(ec.SECP256R1())
        issued[name] = _certificate(name, key, "root", authority)
        _write(folder / f"{name}.pem", key, issued[name])
    client = ssl.create_default_context(cafile=folder / "root.pem")
    certified = ssl.create_default_context(cafile=folder / "root.pem")
    certified.load_cert_chain(folder / "CS1.pem")
    return Trust(
        server=_server(folder, ssl.CERT_OPTIONAL),
        strict_server=_server(folder, ssl.CERT_REQUIRED),
        careless_server=_server(folder, ssl.CERT_NONE),
        client=client,
        certified_client=certified,
        authority=root,
        station=issued["CS1"],
    )


def _server(folder: Path, mode: ssl.VerifyMode) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "root.pem")
    context.load_cert_chain(folder / "localhost.pem")
    context.verify_mode = mode
    return context


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey, *, ca: bool = False
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )


def _write(path: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
