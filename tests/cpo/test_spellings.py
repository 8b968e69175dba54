"""One key is one station's, in whatever spelling somebody brings it, and revoked it is revoked in all of them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from evouch.charging.dialogue import Entrance
from evouch.errors import Refused
from evouch.identity import encoding
from evouch.identity.certificate import fingerprint
from evouch.identity.did import did_key
from evouch.identity.enrolment import Identity, IdentityKind, IdentityStatus, SigningInput
from evouch.identity.ethereum import address_of
from evouch.identity.keys import KeyType, PrivateKey, public_key
from evouch.ids import KeyBytes, StationId
from evouch.testing.town import Town
from tests.cpo.hand import Hand
from tests.cpo.unproven import CS, KEY_KIND, enrol, events, known, told
from tests.proofs import proves
from tests.station.keys import ED25519, P256, SECP256K1

OTHER = StationId("CS-2")
Spelling = tuple[IdentityKind, Any]
NOW = datetime(2024, 5, 23, tzinfo=UTC)
_ACCOUNT = address_of(SECP256K1.public.raw).hex()
_POINT = SECP256K1.public.compressed.hex()
_RAW = encoding.base58(ED25519.public.raw)

ED_SPELLINGS: list[Spelling] = [
    (KEY_KIND, ED25519.public.document()),
    (IdentityKind.WEB3, did_key(ED25519.public)),
    (IdentityKind.WEB3, f"did:w3cp:{_RAW}"),
    (IdentityKind.WEB3, f"did:kilt:light:00{_RAW}"),
]
ACCOUNT_SPELLINGS: list[Spelling] = [
    (KEY_KIND, SECP256K1.public.document()),
    (IdentityKind.WEB3, did_key(SECP256K1.public)),
    (IdentityKind.WEB3, f"did:ethr:0x{_POINT}"),
    (IdentityKind.WEB3, f"did:ethr:0x{_ACCOUNT}"),
    (IdentityKind.WEB3, f"did:ethr:sepolia:0x{_ACCOUNT.upper()}"),
    (IdentityKind.WEB3, f"did:ewc:volta:0x{_ACCOUNT}"),
]


def pem(serial: int = 1, number: int = 7, name: str = "CS-1") -> tuple[str, bytes]:
    """Return a certificate over the key with this number, in PEM and in DER."""
    key = ec.derive_private_key(number, ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(serial).not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=9))
    signed = made.sign(key, hashes.SHA256())
    return (
        signed.public_bytes(serialization.Encoding.PEM).decode(),
        signed.public_bytes(serialization.Encoding.DER),
    )


def holder(number: int = 7) -> PrivateKey:
    key = ec.derive_private_key(number, ec.SECP256R1())
    form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return PrivateKey.from_pkcs8(KeyBytes(key.private_bytes(*form)))


def mutual(der: bytes) -> Entrance:
    return Entrance(address="192.0.2.10", tls=True, certificate=der)


async def known_two(town: Town) -> None:
    await known(town, "CS-2", key=False)


def pairs(spellings: list[Spelling]) -> list[tuple[Spelling, Spelling]]:
    return [(one, other) for one in spellings for other in spellings if one is not other]


@proves("M10")
@pytest.mark.parametrize(("first", "second"), pairs(ED_SPELLINGS) + pairs(ACCOUNT_SPELLINGS))
def test_a_key_of_another_station_is_refused_in_every_spelling(first: Spelling, second: Spelling) -> None:
    async def story(town: Town) -> None:
        await known_two(town)
        mine = await town.cpo.identities.enrol(CS, *first, actor="anna")
        with pytest.raises(Refused, match="materialTaken"):
            await town.cpo.identities.enrol(OTHER, *second, actor="anna")
        await town.cpo.identities.revoke(mine.id, actor="anna")
        for station in (CS, OTHER):
            with pytest.raises(Refused, match="materialTaken"):
                await town.cpo.identities.enrol(station, *second, actor="anna")
        assert len(await town.cpo.store.identities()) == 1

    told(story, key=False)


@proves("M10")
def test_two_operators_who_enrol_one_key_in_two_spellings_at_once_do_not_both_succeed() -> None:
    async def story(town: Town) -> None:
        await known_two(town)
        results = await asyncio.gather(
            town.cpo.identities.enrol(CS, *ED_SPELLINGS[0], actor="anna"),
            town.cpo.identities.enrol(OTHER, *ED_SPELLINGS[1], actor="ben"),
            return_exceptions=True,
        )
        assert sorted(type(one).__name__ for one in results) == ["Identity", "Refused"]

    told(story, key=False)


@proves("M10")
def test_a_revoked_key_does_not_come_back_on_first_use_in_another_spelling() -> None:
    async def story(town: Town) -> None:
        [mine] = town.cpo.identities.of(CS)
        await town.cpo.identities.revoke(mine.id, actor="anna", reason="stolen")
        await town.cpo.identities.open_window(CS, 3600, actor="anna")
        thief = await Hand(town).open()
        await thief.boot()
        await thief.prove(kind=IdentityKind.WEB3, did=did_key(ED25519.public))
        assert thief.state == "failed"
        assert [one.status for one in await town.cpo.store.identities()] == ["revoked"]
        assert [event.detail for event in await events(town)] == ["key: materialTaken, from 192.0.2.10"]

    told(story)


@proves("M10")
def test_a_key_is_revoked_in_all_its_spellings() -> None:
    async def story(town: Town) -> None:
        await town.cpo.identities.enrol(CS, *ED_SPELLINGS[1], actor="anna")
        other = await enrol(town, P256)
        first = town.cpo.identities.of(CS)[0]
        hand = await Hand(town).open()
        await hand.boot()
        await hand.prove(kind=IdentityKind.WEB3, did=did_key(ED25519.public))
        await town.cpo.identities.revoke(first.id, actor="anna", reason="stolen")
        await town.wait(0.5)
        assert hand.close == 1008
        good = [one.id for one in await town.cpo.store.identities() if one.status is IdentityStatus.ACTIVE]
        assert good == [other.id]
        assert [row.action for row in await town.cpo.store.audit()].count("revoke identity") == 2

    told(story)


def test_a_certificate_may_be_renewed_with_its_key_and_the_old_one_revoked() -> None:
    async def story(town: Town) -> None:
        old, (renewed, der) = pem(1), pem(2)
        first = await town.cpo.identities.enrol(CS, IdentityKind.CERTIFICATE, old[0], actor="anna")
        await town.wait(1)
        await town.cpo.identities.enrol(CS, IdentityKind.CERTIFICATE, renewed, actor="anna")
        await town.wait(1)
        await town.cpo.identities.revoke(first.id, actor="anna")
        assert not town.cpo.identities.certificate_banned(CS, der)
        assert town.cpo.identities.certificate_banned(CS, old[1])
        again = pem(3)
        assert town.cpo.identities.certificate_banned(CS, again[1]), "nobody enrolled it, and its key was revoked"
        with pytest.raises(Refused, match="materialTaken"):
            await town.cpo.identities.enrol(CS, IdentityKind.CERTIFICATE, again[0], actor="anna")

    told(story, key=False)


def test_the_key_of_a_certificate_known_by_its_fingerprint_is_learned_with_its_first_proof() -> None:
    async def story(town: Town) -> None:
        await known_two(town)
        _, der = pem()
        await town.cpo.identities.enrol(CS, IdentityKind.CERTIFICATE, fingerprint(der), actor="anna")
        made = await proved_by_certificate(town, der)
        assert made.key == public_key(KeyType.P256, holder().public.raw).fingerprint
        with pytest.raises(Refused, match="materialTaken"):
            await town.cpo.identities.enrol(OTHER, KEY_KIND, holder().public.document(), actor="anna")

    told(story, key=False, policy=())


def test_a_certificate_whose_key_turns_out_to_be_another_stations_proves_nothing() -> None:
    async def story(town: Town) -> None:
        await known_two(town)
        await town.cpo.identities.enrol(OTHER, KEY_KIND, holder().public.document(), actor="anna")
        _, der = pem()
        await town.cpo.identities.enrol(CS, IdentityKind.CERTIFICATE, fingerprint(der), actor="anna")
        made = await proved_by_certificate(town, der)
        assert (made.key, made.first_proven_at) == ("", None)
        assert [event.detail for event in await events(town)] == ["key: materialTaken, from 192.0.2.10"]

    told(story, key=False, policy=())


async def proved_by_certificate(town: Town, der: bytes) -> Identity:
    hand = await Hand(town).open(mutual(der))
    await hand.boot()
    await hand.prove(key=holder(), kind=IdentityKind.CERTIFICATE, certificate=der)
    return town.cpo.identities.of(CS)[0]


# ── stations that go ────────────────────────────────────────────────────────────────────


def test_a_first_proof_beside_a_removal_does_not_write_the_identity_again() -> None:
    async def story(town: Town) -> None:
        [mine] = town.cpo.identities.of(CS)
        removing = asyncio.ensure_future(town.cpo.stations.remove(CS, actor="anna"))
        await asyncio.sleep(0)
        with pytest.raises(Refused, match="unknownIdentity"):
            await town.cpo.identities.proved(mine.id, SigningInput.CANONICAL)
        await removing
        assert await town.cpo.store.identities() == []
        assert town.cpo.identities.all() == []

    told(story)


def test_a_station_that_was_removed_is_as_new_and_its_revoked_key_is_nobodys() -> None:
    async def story(town: Town) -> None:
        [mine] = town.cpo.identities.of(CS)
        await town.cpo.identities.revoke(mine.id, actor="anna")
        await town.cpo.stations.remove(CS, actor="anna")
        await known(town, key=False)
        hand = await Hand(town).open()
        assert (await hand.boot())["status"] == "Accepted"
        for spelling in ED_SPELLINGS:
            with pytest.raises(Refused, match="materialTaken"):
                await town.cpo.identities.enrol(CS, *spelling, actor="anna")
        [left] = await town.cpo.store.identities()
        assert (left.id, left.station, left.status) == (mine.id, "", "revoked")

    told(story)
