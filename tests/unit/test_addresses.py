"""Which addresses may be called."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.addresses import may_be_called, vetted

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]
FORBIDDEN = [
    "0.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address: str) -> None:
    assert may_be_called(ip_address(address))


@pytest.mark.parametrize("address", FORBIDDEN)
def test_a_special_address_must_not_be_called(address: str) -> None:
    assert not may_be_called(ip_address(address))


@given(st.ip_addresses(v=4))
def test_what_python_calls_not_global_is_never_called(address: IPv4Address) -> None:
    if not address.is_global:
        assert not may_be_called(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_an_ipv6_disguise_is_judged_the_same(address: IPv4Address) -> None:
    disguises = (
        0xFFFF << 32 | int(address),
        0x64_FF9B << 96 | int(address),
        0x2002 << 112 | int(address) << 80,
    )
    expected = may_be_called(address)
    assert [may_be_called(IPv6Address(disguise)) for disguise in disguises] == [expected] * 3


@given(st.ip_addresses(v=6))
def test_ipv6_outside_of_the_global_range_is_never_called(address: IPv6Address) -> None:
    in_range = address in ip_network("2000::/3") or address in ip_network("64:ff9b::/96") or address.ipv4_mapped
    # The rest is unassigned today; only what is known to be special is refused there.
    if not in_range and address.is_private:
        assert not may_be_called(address)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203"])
def test_an_allowed_network_wins(address: str) -> None:
    assert may_be_called(ip_address(address), [ip_network("10.1.0.0/16")])
    assert not may_be_called(ip_address(address), [ip_network("10.2.0.0/16"), ip_network("fd00::/8")])


def test_an_allowed_ipv6_network_wins() -> None:
    assert may_be_called(ip_address("fd00::1"), [ip_network("fd00::/64")])


def test_one_bad_answer_spoils_a_name() -> None:
    assert vetted(["8.8.8.8", "2606:4700::1"]) == ("8.8.8.8", "2606:4700::1")
    assert vetted(["8.8.8.8", "127.0.0.1"]) == ()
    assert vetted(["fe80::1%eth0"]) == ()
    assert vetted([]) == ()
