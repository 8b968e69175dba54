"""How a knock is read off an HTTP request."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.ids import Secret, StationId
from evouch.ocpp.gate import Admission, Knock, OpenGate, choose, offered, password, station_of
from evouch.ocpp.versions import V16, V21, V201, VERSIONS

CS1 = StationId("CS1")


def header(pair: bytes) -> str:
    return "Basic " + base64.b64encode(pair).decode()


@pytest.mark.parametrize(
    ("target", "station"),
    [
        ("/CS1", "CS1"),
        ("CS1", "CS1"),
        ("/ocpp/1.6/CS1", "CS1"),
        ("ws://host:80/ocpp/CS1", "CS1"),
        ("/ocpp/%43S1", "CS1"),
        ("/DE%2AABC*E1?a=/b", "DE*ABC*E1"),
        ("/a+b", "a+b"),
    ],
)
def test_the_station_is_named_by_the_last_segment(target: str, station: str) -> None:
    assert station_of(target) == station


@pytest.mark.parametrize("target", ["", "/", "/CS1/", "/%2F", "/C%C3%A9", "/%", "/%4", "/a b", "/%00", "/" + "x" * 49])
def test_what_is_no_station_id_is_none(target: str) -> None:
    with pytest.raises(ValueError):
        station_of(target)


@given(st.text(alphabet="ABCabc019*-_=:+|@.", min_size=1, max_size=48))
def test_every_station_id_survives_its_url(name: str) -> None:
    from urllib.parse import quote

    assert station_of(f"/ocpp/{quote(name, safe='')}") == name


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        (None, None),
        ("", None),
        ("Bearer abc", None),
        ("Basic", None),
        ("Basic !!!", None),
        ("Basic äöü", None),
        (header(b"CS1:secret"), b"secret"),
        (header(b"CS1:secret").replace("Basic", "bAsIc"), b"secret"),
        (header(b"CS1:"), b""),
        (header(b"CS1:a:b:c"), b"a:b:c"),
        (header(b"CS1:\x00\xff\xfe"), b"\x00\xff\xfe"),
        (header(b"CS1: secret "), b" secret "),
        (header(b"CS2:secret"), b""),
        (header(b"cs1:secret"), b""),
        (header(b"CS1"), b""),
        (header(b":secret"), b""),
    ],
)
def test_a_password_is_the_bytes_behind_the_stations_name(sent: str | None, heard: bytes | None) -> None:
    assert password(sent, CS1) == (None if heard is None else Secret(heard))


def test_a_station_whose_id_has_a_colon_has_a_password_too() -> None:
    station = StationId("DE:ABC:1")
    assert password(header(b"DE:ABC:1:se:cret"), station) == Secret("se:cret")


@given(st.binary(max_size=60))
def test_no_header_makes_reading_it_fail(pair: bytes) -> None:
    password("Basic " + pair.decode("latin-1"), CS1)
    password(header(pair), CS1)


def test_subprotocols_may_stand_in_several_headers_and_keep_their_order() -> None:
    assert offered(["ocpp2.1 , ocpp1.6", "", ",ocpp2.0.1,"]) == ("ocpp2.1", "ocpp1.6", "ocpp2.0.1")


@pytest.mark.parametrize(
    ("names", "version"),
    [
        ((V16, V21), V16),
        (("ocpp1.5", V201, V21), V201),
        (("OCPP1.6",), None),
        ((), None),
    ],
)
def test_the_first_that_we_speak_is_chosen(names: tuple[str, ...], version: str | None) -> None:
    assert choose(names, VERSIONS) == version


def test_an_open_gate_lets_everybody_in_without_a_credential() -> None:
    assert OpenGate().admit(Knock(CS1, None, "127.0.0.1")) == Admission(101)


def test_a_knock_does_not_print_its_password() -> None:
    assert "secret" not in repr(Knock(CS1, Secret("secret"), "127.0.0.1"))
