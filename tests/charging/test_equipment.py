"""Which connector belongs to which EVSE, on versions that know EVSEs and on one that does not."""

from evouch.charging.equipment import ConnectorStatus, Evse, EvsePlace, Wiring
from evouch.ids import EvseNumber, OcppVersion, StationId

V16, V21 = OcppVersion("ocpp1.6"), OcppVersion("ocpp2.1")
ONE, TWO = EvseNumber(1), EvseNumber(2)

#: two EVSEs, the first with a cable and a socket, as a 1.6 station numbers them
WIRED = Wiring(V16, {ONE: Evse(number=ONE, connectors=(1, 2)), TWO: Evse(number=TWO, connectors=(3,))})


def test_each_connector_of_a_16_station_belongs_to_one_evse() -> None:
    assert [WIRED.evse_of(connector) for connector in (1, 2, 3)] == [ONE, ONE, TWO]


def test_a_connector_that_nobody_wired_belongs_to_none() -> None:
    assert WIRED.evse_of(4) is None
    assert WIRED.evse_of(0) is None


def test_without_wiring_a_connector_is_its_own_evse_and_0_is_the_station() -> None:
    bare = Wiring(V16)

    assert bare.evse_of(3) == 3
    assert bare.evse_of(0) is None
    assert bare.evse_of(-1) is None


def test_a_remote_start_names_the_first_connector_of_its_evse() -> None:
    assert WIRED.connector_of(ONE) == 1
    assert WIRED.connector_of(TWO) == 3


def test_unwired_evses_have_their_own_number_on_16_and_connector_1_elsewhere() -> None:
    assert Wiring(V16).connector_of(TWO) == 2
    assert Wiring(V21).connector_of(TWO) == 1


def test_a_place_reads_as_station_and_evse() -> None:
    assert str(EvsePlace(StationId("CS-0001"), ONE)) == "CS-0001/1"


def test_statuses_are_those_of_16_and_the_one_that_2_adds() -> None:
    assert len(ConnectorStatus) == 10
    assert "Occupied" in set(ConnectorStatus)
