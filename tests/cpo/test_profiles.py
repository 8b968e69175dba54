"""OCPP security profiles: what opens the door, what certificate is whose, and no way back down."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from evouch.charging.dialogue import Entrance
from evouch.cpo.identity_terms import IdentityTerms
from evouch.errors import PeerRefused, Refused
from evouch.identity.certificate import fingerprint
from evouch.identity.enrolment import IdentityKind
from evouch.ids import Secret, StationId
from evouch.testing.town import Town, on_the_wire
from tests.cpo.hand import Hand
from tests.cpo.unproven import CS, enrol, events, known, told
from tests.proofs import proves

NOW = datetime(2024, 5, 23, tzinfo=UTC)
PASSWORD = b"correct-horse-battery"
PLAIN = Entrance(address="192.0.2.10")
TLS = Entrance(address="192.0.2.10", tls=True)


def certificate(name: str, organization: str = "Town Energy") -> bytes:
    key = ec.derive_private_key(7, ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)]
    )
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=365))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def mutual(name: str, **how: str) -> Entrance:
    return Entrance(address="192.0.2.10", tls=True, certificate=certificate(name, **how))


async def opens(town: Town, entrance: Entrance, password: bytes | None = None) -> Hand | None:
    """Return the connection, or None where the answer is 401."""
    try:
        return await Hand(town).open(entrance, password)
    except PeerRefused as refused:
        if refused.code != "401":
            raise
        return None


def locked(story: Callable[[Town], Coroutine[Any, Any, None]], **terms: Any) -> None:
    """Tell a story in a town whose door is not open to everybody, and CS-1 has a password."""

    async def run() -> None:
        async with on_the_wire(identity=IdentityTerms(**terms)) as town:
            await known(town, key=False)
            await town.cpo.stations.set_password(CS, Secret(PASSWORD), actor="anna")
            await story(town)

    asyncio.run(run())


@proves("M19")
@pytest.mark.parametrize(
    ("entrance", "password", "profile"),
    [(PLAIN, PASSWORD, 1), (TLS, PASSWORD, 2), (mutual("CS-1"), None, 3), (mutual("CS-1"), b"wrong", 3)],
    ids=["1", "2", "3", "3 with a wrong password"],
)
def test_each_profile_opens_and_its_height_is_remembered(
    entrance: Entrance, password: bytes | None, profile: int
) -> None:
    async def story(town: Town) -> None:
        hand = await opens(town, entrance, password)
        assert hand is not None
        assert hand.link.entrance.profile == profile
        await town.wait(1)
        record = await town.cpo.store.station(CS)
        assert record is not None
        assert record.profile == profile

    locked(story)


@proves("M19")
def test_a_lower_profile_than_the_highest_used_is_refused_until_an_operator_says_otherwise() -> None:
    async def story(town: Town) -> None:
        ways = {1: (PLAIN, PASSWORD), 2: (TLS, PASSWORD), 3: (mutual("CS-1"), None)}
        for used in (1, 2, 3):
            hand = await opens(town, *ways[used])
            assert hand is not None
            await town.wait(1)
            await hand.hang_up()
            for lower in range(1, used):
                assert await opens(town, *ways[lower]) is None
        assert {event.kind for event in await events(town)} == {"securityProfileDowngrade"}
        await town.cpo.identities.set_profile(CS, 1, actor="anna")
        assert await opens(town, *ways[1]) is not None
        with pytest.raises(Refused, match="badProfile"):
            await town.cpo.identities.set_profile(CS, 4, actor="anna")

    locked(story)


@proves("M19")
def test_who_only_knows_the_password_does_not_raise_the_profile_and_lock_the_station_out() -> None:
    async def story(town: Town) -> None:
        await enrol(town)
        thief = await opens(town, TLS, PASSWORD)
        assert thief is not None
        await thief.boot()
        await town.wait(20)
        await thief.hang_up()
        honest = await opens(town, PLAIN, PASSWORD)
        assert honest is not None
        await honest.boot()
        await honest.prove()
        await town.wait(1)
        record = town.cpo.registry.station(CS)
        assert record is not None
        assert record.profile == 1

    locked(story)


@proves("M19")
def test_raising_the_profile_ends_a_connection_below_it() -> None:
    async def story(town: Town) -> None:
        hand = await opens(town, PLAIN, PASSWORD)
        assert hand is not None
        await town.cpo.identities.set_profile(CS, 2, actor="anna")
        await town.wait(0.1)
        assert hand.close == 1008
        assert await opens(town, PLAIN, PASSWORD) is None
        assert await opens(town, TLS, PASSWORD) is not None

    locked(story)


@proves("M19")
@pytest.mark.parametrize("name", ["CS-2", "cs-1", "CS-1 ", "CS-10", ""])
def test_a_certificate_of_another_name_is_no_certificate(name: str) -> None:
    async def story(town: Town) -> None:
        stranger = mutual(name) if name else Entrance(address="x", tls=True, certificate=b"not a certificate")
        assert await opens(town, stranger) is None
        hand = await opens(town, stranger, PASSWORD)
        assert hand is not None
        assert hand.link.entrance.profile == 2
        assert hand.link.entrance.certificate is None

    locked(story)


@proves("M19")
def test_a_certificate_may_carry_a_serial_number_if_the_operator_noted_it() -> None:
    async def story(town: Town) -> None:
        assert await opens(town, mutual("SN-4711")) is None
        await town.cpo.identities.name_certificate(CS, "SN-4711", actor="anna")
        hand = await opens(town, mutual("SN-4711"))
        assert hand is not None
        assert hand.link.entrance.profile == 3
        await hand.hang_up()
        assert await opens(town, mutual("CS-1")) is None, "it is that name now and no other"

    locked(story)


@proves("M19")
def test_the_organisation_is_looked_at_where_one_is_asked_for() -> None:
    async def story(town: Town) -> None:
        town.cpo.gate.organization = "Town Energy"
        assert await opens(town, mutual("CS-1", organization="Elsewhere")) is None
        assert await opens(town, mutual("CS-1")) is not None

    locked(story)


def test_a_certificate_that_is_itself_enrolled_is_the_stations_whatever_it_is_called() -> None:
    async def story(town: Town) -> None:
        own = mutual("whatever")
        sha256 = fingerprint(own.certificate or b"")
        await town.cpo.identities.enrol(CS, IdentityKind.CERTIFICATE, sha256, actor="anna")
        assert await opens(town, mutual("whatever")) is None, "another one of the same name"
        hand = await opens(town, own)
        assert hand is not None
        assert hand.link.entrance.profile == 3

    locked(story)


@proves("M19", "M22")
def test_a_verified_certificate_is_trusted_and_a_password_beside_it_counts_from_the_right_network() -> None:
    async def story(town: Town) -> None:
        trusted = await opens(town, mutual("CS-1"))
        assert trusted is not None
        assert (await trusted.boot())["status"] == "Accepted"
        view = town.cpo.challenger.standing(CS)
        assert view is not None
        assert (view.state, view.how) == ("trusted", "mTLS")
        await trusted.hang_up()
        await town.cpo.identities.set_profile(CS, 0, actor="anna")
        other = await opens(town, PLAIN, PASSWORD)
        assert other is not None
        assert (await other.boot())["status"] == "Pending"

    locked(story, require="all")


@proves("M19")
def test_certificates_are_not_handled_on_a_plain_connection() -> None:
    async def story(town: Town) -> None:
        plain = await Hand(town).open(PLAIN)
        await plain.boot()
        for action in ("InstallCertificate", "CertificateSigned", "DeleteCertificate", "GetInstalledCertificateIds"):
            with pytest.raises(Refused, match="needsTls"):
                await town.cpo.stations.call(CS, action, {}, actor="anna")
        assert (await plain.ask("SignCertificate", {"csr": "x"}))[0] == "SecurityError"
        await plain.hang_up()
        secure = await Hand(town).open(TLS)
        await secure.boot()
        assert await secure.ask("SignCertificate", {"csr": "x"}) == [{"status": "Rejected"}]
        asked = {"certificateType": "CentralSystemRootCertificate"}
        await town.cpo.stations.call(CS, "GetInstalledCertificateIds", asked, actor="anna")
        assert len(secure.calls("GetInstalledCertificateIds")) == 1

    told(story, key=False)


def test_a_blocked_station_stays_outside_with_any_certificate() -> None:
    async def story(town: Town) -> None:
        await town.cpo.stations.block(CS, True, actor="anna")
        assert await opens(town, mutual("CS-1")) is None

    locked(story)


@proves("M11")
@pytest.mark.parametrize("how", ["its own", "of another station"])
def test_a_revoked_certificate_opens_nothing_whatever_name_is_in_it(how: str) -> None:
    async def story(town: Town) -> None:
        way = mutual("CS-1")
        assert way.certificate is not None
        other = how == "of another station"
        if other:
            await known(town, "CS-2", key=False)
        mine = await town.cpo.identities.enrol(
            StationId("CS-2") if other else CS, IdentityKind.CERTIFICATE, fingerprint(way.certificate), actor="anna"
        )
        hand = await opens(town, way)
        assert hand is not None
        await hand.boot()
        assert hand.state == "trusted"
        await town.cpo.identities.revoke(mine.id, actor="anna", reason="stolen")
        await town.wait(1)
        assert hand.close == 1008
        assert await opens(town, way) is None
        await town.cpo.identities.set_profile(CS, 0, actor="anna")
        with_password = await opens(town, way, PASSWORD)
        assert with_password is not None
        assert with_password.link.entrance.certificate is None, "it counts for nothing"

    locked(story)


def test_another_certificate_over_a_revoked_key_opens_nothing_either() -> None:
    async def story(town: Town) -> None:
        pem = x509.load_der_x509_certificate(certificate("CS-1")).public_bytes(serialization.Encoding.PEM).decode()
        mine = await town.cpo.identities.enrol(CS, IdentityKind.CERTIFICATE, pem, actor="anna")
        again = mutual("CS-1", organization="Town Energy again")
        hand = await opens(town, again)
        assert hand is not None
        await town.cpo.identities.revoke(mine.id, actor="anna", reason="stolen")
        await town.wait(1)
        assert hand.close == 1008
        assert await opens(town, again) is None

    locked(story)
