"""Which addresses may be called: a table, each row with its reason."""

from ipaddress import ip_address, ip_network

import pytest

from sendoff_domain.webhook_addresses import may_be_called, vetted

PUBLIC = {
    "a public resolver": "1.1.1.1 8.8.8.8 9.9.9.9",
    "just below or above a special IPv4 range": "1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0"
    " 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0"
    " 192.0.3.0 192.31.195.255 192.31.197.0 192.52.192.255 192.52.194.0 192.88.98.255 192.88.100.0 192.167.255.255"
    " 192.169.0.0 192.175.47.255"
    " 192.175.49.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255",
    "next door to Azure's host": "168.63.129.15 168.63.129.17",
    "public IPv6": "2606:4700:4700::1111 2a00:1450:4001::1 2400:cb00::1 2c0f:fb50::1",
    "the ends of public IPv6": "2000:: 3fff:1000:: 3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "just below or above a special IPv6 range": "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2001:200:: 2001:db7:ffff::1"
    " 2001:db9:: 2003:: 2620:4f:7fff::1 2620:4f:8001::",
    "a public IPv4 address, v4-mapped": "::ffff:8.8.8.8 ::ffff:808:808",
    "a public IPv4 address behind NAT64": "64:ff9b::8.8.8.8 64:ff9b::808:808",
    "a public IPv4 address behind 6to4": "2002:808:808::1 2002:808:808::",
    "an ISATAP interface with a public IPv4 address": "2606:4700::5efe:808:808 2606:4700::200:5efe:8.8.8.8",
    "an interface that only resembles ISATAP's": "2606:4700::5eff:a00:1 2606:4700::1000:5efe:a00:1",
    "an interface whose last bytes happen to be private": "2606:4700::10.0.0.1 2606:4700::127.0.0.1",
}
FORBIDDEN = {
    "this network": "0.0.0.0 0.0.0.1 0.255.255.255",
    "private": "10.0.0.0 10.0.0.1 10.255.255.255 172.16.0.0 172.16.0.1 172.31.255.255 192.168.0.0 192.168.1.1"
    " 192.168.255.255",
    "shared by carriers (CGNAT)": "100.64.0.0 100.64.0.1 100.127.255.255",
    "metadata of a cloud": "169.254.169.254 169.254.170.2 100.100.100.200 192.0.0.192 168.63.129.16 fd00:ec2::254"
    " fd20:ce::254 fe80::a9fe:a9fe",
    "loopback": "127.0.0.0 127.0.0.1 127.1.2.3 127.255.255.255 ::1",
    "link-local": "169.254.0.0 169.254.0.1 169.254.255.255 fe80:: fe80::1 febf:ffff::1",
    "protocols": "192.0.0.0 192.0.0.1 192.0.0.8 192.0.0.9 192.0.0.10 192.0.0.170 192.0.0.171 192.0.0.255",
    "documentation": "192.0.2.0 192.0.2.1 198.51.100.1 203.0.113.1 203.0.113.255 2001:db8:: 2001:db8::1"
    " 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 3fff:: 3fff::1 3fff:fff::1",
    "benchmarks": "198.18.0.0 198.18.0.1 198.19.255.255 2001:2::1",
    "AS112": "192.31.196.1 192.175.48.1 192.175.48.255 2001:4:112::1 2620:4f:8000::1",
    "multicast tunnels (AMT)": "192.52.193.1 2001:3::1",
    "relays of 6to4": "192.88.99.1 192.88.99.255",
    "multicast": "224.0.0.0 224.0.0.1 239.255.255.250 239.255.255.255 ff00:: ff02::1 ff0e::1 ffff::1",
    "reserved": "240.0.0.0 240.0.0.1 255.255.255.254",
    "broadcast": "255.255.255.255",
    "unspecified": "::",
    "v4-compatible, whatever is in it": "::7f00:1 ::127.0.0.1 ::8.8.8.8 ::10.0.0.1 ::2 ::ffff:ffff",
    "a special IPv4 address, v4-mapped": "::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe"
    " ::ffff:0.0.0.0 ::ffff:255.255.255.255 ::ffff:100.100.100.200",
    "translated for IPv4-only hosts (SIIT)": "::ffff:0:7f00:1 ::ffff:0:8.8.8.8",
    "a special IPv4 address behind NAT64": "64:ff9b::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::169.254.169.254"
    " 64:ff9b::192.0.0.170",
    "local NAT64, which hides its IPv4 address at a place of its own": "64:ff9b:1:: 64:ff9b:1::1 64:ff9b:1::8.8.8.8"
    " 64:ff9b:1:ffff::7f00:1 64:ff9b:0:1::808:808 64:ff9b:2::808:808",
    "a special IPv4 address behind 6to4": "2002:7f00:1::1 2002:a00:1::1 2002:a9fe:a9fe:: 2002:c0a8:101::1"
    " 2002:: 2002:e000:1::1",
    "Teredo, whatever is in it": "2001:: 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:0:7f00:1::f7f7:f7f7"
    " 2001:0:808:808::80ff:fffe",
    "ORCHID and drones": "2001:10::1 2001:20::1 2001:2f:ffff::1 2001:30::1",
    "other protocols of 2001::/23": "2001:1::1 2001:1::2 2001:1::3 2001:5::1 2001:1ff:ffff::1",
    "an ISATAP interface with a special IPv4 address": "2606:4700::5efe:127.0.0.1 2606:4700::5efe:a00:1"
    " 2606:4700::200:5efe:10.0.0.1 2606:4700::5efe:169.254.169.254 2606:4700:1:2:300:5efe:c0a8:101"
    " 2002:808:808::5efe:a00:1",
    "discard-only": "100:: 100::1 100::ffff:ffff:ffff:ffff 100:0:0:1::1",
    "SRv6 segments": "5f00:: 5f00::1 5f00:ffff::1",
    "private IPv6": "fc00:: fc00::1 fd00::1 fd12:3456::1 fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "site-local": "fec0:: fec0::1 feff::1",
    "not handed out by IANA": "1:: 200::1 201:5::1 400::1 1fff:ffff::1 4000:: 8000::1 c000::1 f800::1 fe00::1",
}  # fmt: skip


def rows(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(address, reason) for reason, addresses in table.items() for address in addresses.split()]


@pytest.mark.parametrize(("address", "reason"), rows(PUBLIC))
def test_a_public_address_may_be_called(address: str, reason: str) -> None:
    assert may_be_called(ip_address(address)), reason


@pytest.mark.parametrize(("address", "reason"), rows(FORBIDDEN))
def test_a_special_address_must_not_be_called(address: str, reason: str) -> None:
    assert not may_be_called(ip_address(address)), reason


ALLOWED = [
    # What is allowed, what may be called then, what may still not be called.
    ("10.1.0.0/16", "10.1.0.0 10.1.255.255 8.8.8.8 2606:4700::1", "10.0.255.255 10.2.0.0 127.0.0.1 fd00::1"),
    ("10.1.0.0/16", "::ffff:10.1.2.3 64:ff9b::10.1.2.3 2002:a01:203::1",
     "::ffff:10.2.0.0 64:ff9b::10.2.0.0 2002:a02::"),
    ("10.1.0.0/16", "2606:4700::5efe:10.1.2.3",
     "2606:4700::5efe:10.2.0.0 ::10.1.2.3 fd00::5efe:10.1.2.3 64:ff9b:1::10.1.2.3"),
    ("127.0.0.2/32", "127.0.0.2 ::ffff:127.0.0.2", "127.0.0.1 127.0.0.3 ::1 ::ffff:127.0.0.1"),
    ("169.254.169.254/32", "169.254.169.254 ::ffff:a9fe:a9fe", "169.254.169.253 fd00:ec2::254"),
    ("0.0.0.0/0", "0.0.0.0 127.0.0.1 10.0.0.1 255.255.255.255 ::ffff:127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::",
     ":: ::1 ::7f00:1 fd00::1 fe80::1 ff02::1 2001:db8::1"),
    ("::/0", ":: ::1 ::7f00:1 fd00::1 fe80::1 ff02::1 64:ff9b::7f00:1 2002:7f00:1:: 2606:4700::5efe:10.0.0.1",
     "127.0.0.1 10.0.0.1 ::ffff:127.0.0.1 ::ffff:7f00:1"),
    ("::/0 0.0.0.0/0", "127.0.0.1 ::1 ::ffff:127.0.0.1 255.255.255.255 ff02::1", ""),
    ("fd00::/64", "fd00::1 fd00::ffff:ffff:ffff:ffff", "fd00:0:0:1:: fc00::1 ::1 127.0.0.1"),
    ("::1/128", "::1", "127.0.0.1 ::ffff:127.0.0.1 ::"),
    ("64:ff9b::/96", "64:ff9b::7f00:1 64:ff9b::8.8.8.8", "127.0.0.1 64:ff9b:1::1"),
    ("64:ff9b:1::/48", "64:ff9b:1::8.8.8.8 64:ff9b:1::10.0.0.1", "64:ff9b::10.0.0.1 10.0.0.1"),
    ("2001:db8::/32", "2001:db8::1 2001:db8::5efe:10.0.0.1", "2606:4700::5efe:10.0.0.1 10.0.0.1"),
    ("10.0.0.0/8 fd00::/8", "10.0.0.1 fd00::1 64:ff9b::a00:1", "192.168.0.1 fc00::1"),
]  # fmt: skip


@pytest.mark.parametrize(("networks", "called", "forbidden"), ALLOWED)
def test_an_allowed_network_wins_and_allows_nothing_else(networks: str, called: str, forbidden: str) -> None:
    allowed = [ip_network(network) for network in networks.split()]
    assert [address for address in called.split() if not may_be_called(ip_address(address), allowed)] == []
    assert [address for address in forbidden.split() if may_be_called(ip_address(address), allowed)] == []


def test_one_bad_answer_spoils_a_name() -> None:
    assert vetted(["8.8.8.8", "2606:4700::1"]) == ("8.8.8.8", "2606:4700::1")
    assert vetted(["8.8.8.8", "127.0.0.1"]) == ()
    assert vetted([]) == ()


@pytest.mark.parametrize("address", ["fe80::1%eth0", "::1%lo", "ff02::1%2", "::ffff:127.0.0.1%lo"])
def test_a_zone_hides_nothing(address: str) -> None:
    assert vetted([address]) == ()
    assert vetted([address], [ip_network("::/0"), ip_network("0.0.0.0/0")]) == (address,)


@pytest.mark.parametrize("text", ["", "%", "0x7f.1", "127.1", "0177.0.0.1", "2130706433", "localhost", "8.8.8.8/32"])
def test_an_answer_in_an_odd_notation_is_no_address(text: str) -> None:
    assert vetted([text], [ip_network("0.0.0.0/0")]) == ()
