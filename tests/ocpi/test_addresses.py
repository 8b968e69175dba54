"""Where a partner may send us, and where not, however it spells it."""

import pytest

from evouch.ocpi.addresses import MAX_URL, AddressPolicy, BadAddress

STRICT = AddressPolicy()
PATH = "/ocpi/versions"

GOOD = [
    "https://emsp.example/ocpi/versions",
    "https://emsp.example:8443/ocpi/versions?x=1",
    "https://EMSP.example./ocpi",
    "https://8.8.8.8/ocpi",
    "https://[2606:4700::1111]/ocpi",
    "https://a_b.example/ocpi",
]
INSIDE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "169.254.169.254", "192.0.0.170", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "[::]", "[::1]", "[fc00::1]", "[fd00:ec2::254]", "[fe80::1]", "[ff02::1]",
    "[2001:db8::1]", "[fec0::1]",
]  # fmt: skip
HIDDEN = [
    "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[::ffff:0:127.0.0.1]", "[::10.0.0.1]", "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]", "[2002:a9fe:a9fe::1]", "[2001:0:7f00:1::f5ff:fffe]",
]  # fmt: skip
SPELLED = [
    "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1.", "010.0.0.1", "127.0.0.0x1", "1",
    "example.123", "localhost", "LOCALHOST", "169.254.169.254.", "[::1%25eth0]", "①②⑦.0.0.1",
]  # fmt: skip
SHAPES = [
    "", "emsp.example", "http://emsp.example/", "ftp://emsp.example/", "file:///etc/passwd", "https://", "https:///x",
    "https://user@emsp.example/", "https://user:word@emsp.example/", "https://emsp.example/#part", "//emsp.example/",
    "https://emsp.example:0/", "https://emsp.example:22/", "https://emsp.example:80/", "https://emsp.example:99999/",
    "https://emsp.example:x/", "https://emsp.example/a b", "https://emsp.example/\r\nHost: x", "https://ex\\ample.org/",
    "https://[::1/", "https://ex ample/", "https://-bad.example/", "https://ü.example/", "javascript:alert(1)",
    "https://emsp.example/" + "x" * MAX_URL,
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_public_addresses_over_tls_are_gone_to(url: str) -> None:
    assert url == STRICT.check(url)


@pytest.mark.parametrize("host", INSIDE + HIDDEN + SPELLED)
def test_nothing_that_is_not_public_is_gone_to_in_any_spelling(host: str) -> None:
    with pytest.raises(BadAddress):
        STRICT.check(f"https://{host}{PATH}")


@pytest.mark.parametrize("url", SHAPES)
def test_what_is_no_https_address_of_a_host_is_refused(url: str) -> None:
    with pytest.raises(BadAddress):
        STRICT.check(url)


def test_on_a_developers_machine_loopback_is_gone_to_and_nothing_else_inside() -> None:
    policy = AddressPolicy.development()
    for url in ("http://127.0.0.1:80/x", "http://localhost:8080/x", "http://[::1]:9/x", "https://127.0.0.1:1/x"):
        assert url == policy.check(url)
    for url in ("http://10.0.0.1/x", "http://169.254.169.254/x", "http://[::ffff:10.0.0.1]/x"):
        with pytest.raises(BadAddress):
            policy.check(url)


def test_a_name_on_the_list_may_lead_inside_and_others_may_not() -> None:
    policy = AddressPolicy(hosts=frozenset({"vpn.example"}))
    assert policy.admits("10.1.2.3", "VPN.example.")
    assert not policy.admits("10.1.2.3", "other.example")
    assert not policy.admits("10.1.2.3", "10.1.2.3")
    assert not policy.admits("127.0.0.1", "vpn.example")


@pytest.mark.parametrize("address", ["10.0.0.1", "::1", "fe80::1%eth0", "::ffff:192.168.0.1", "not an address"])
def test_what_a_name_resolves_to_is_judged_as_what_is_written(address: str) -> None:
    assert not STRICT.admits(address, "emsp.example")
    assert STRICT.admits("8.8.8.8", "emsp.example")


def test_private_networks_can_be_allowed_as_a_whole() -> None:
    policy = AddressPolicy(allow_private=True)
    assert policy.check("https://192.168.1.7/ocpi")
    with pytest.raises(BadAddress):
        policy.check("https://127.0.0.1/ocpi")
