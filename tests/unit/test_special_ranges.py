"""Every special range of the IANA registries, whatever address of it is taken, and Python's opinion about them."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from hypothesis import assume, example, given
from hypothesis import strategies as st

from sendoff_domain.webhook_addresses import Address, Network, may_be_called

#: https://www.iana.org/assignments/iana-ipv4-special-registry and multicast (RFC 5771).
IPV4 = """
    0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29
    192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24
    192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4
    255.255.255.255/32 224.0.0.0/4
"""
#: https://www.iana.org/assignments/iana-ipv6-special-registry, site-local (RFC 3879), multicast and v4-compatible
#: (RFC 4291); without those that carry an IPv4 address, which are below.
IPV6 = """
    ::1/128 ::/128 ::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128 2001:1::2/128
    2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32
    2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
"""
SPECIAL: list[Network] = [ip_network(text) for text in (IPV4 + IPV6).split()]
MAPPED, NAT64, SIX_TO_FOUR = ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96"), ip_network("2002::/16")
UNICAST = ip_network("2000::/3")

#: Where we and Python differ on purpose, or Python with itself from version to version.
DIFFERENCES: dict[str, str] = {
    "224.0.0.0/4": "Python: global unless it is scoped; no webhook is a group",
    "192.0.0.0/24": "Python: some of it, or all but two addresses; nothing in it is a webhook",
    "192.31.196.0/24": "Python: global; AS112 answers DNS alone",
    "192.52.193.0/24": "Python: global; AMT relays multicast",
    "192.88.99.0/24": "Python: global; relays of 6to4, deprecated",
    "192.175.48.0/24": "Python: global; AS112",
    "168.63.129.16/32": "Python: global; Azure's host",
    "::ffff:0:0/96": "Python: not global, or as its IPv4 address; for us as its IPv4 address",
    "64:ff9b::/96": "Python: global; for us as its IPv4 address",
    "2001::/23": "Python: parts of it are global; nothing in it is a webhook",
    "2002::/16": "Python: global in older versions; for us as its IPv4 address",
    "2620:4f:8000::/48": "Python: global; AS112",
    "3fff::/20": "Python: global in older versions; documentation",
    "::/3": "Python: global where nothing is registered; for us what is not handed out is not",
    "4000::/2": "the same",
    "8000::/1": "the same",
}  # fmt: skip
DIFFERENT: list[Network] = [ip_network(text) for text in DIFFERENCES]


def inside(network: Network) -> st.SearchStrategy[Address]:
    first, last = int(network[0]), int(network[-1])
    kind = type(network[0])
    return st.one_of(st.sampled_from([first, last]), st.integers(first, last)).map(lambda number: kind(number))


def neighbours(network: Network) -> list[Address]:
    kind, size = type(network[0]), network.max_prefixlen
    return [kind(number) for number in (int(network[0]) - 1, int(network[-1]) + 1) if 0 <= number < 2**size]


def is_isatap(address: Address) -> bool:
    return address.version == 6 and int(address) >> 32 & 0xFCFF_FFFF == 0x5EFE


IN_SPECIAL: st.SearchStrategy[Address] = st.sampled_from(SPECIAL).flatmap(inside)
SPECIAL_IPV4 = st.sampled_from([n for n in SPECIAL if isinstance(n, IPv4Network)]).flatmap(inside)
IN_UNICAST = inside(UNICAST)
ANY_ADDRESS: st.SearchStrategy[Address] = st.one_of(
    st.ip_addresses(v=4),
    st.ip_addresses(v=6),
    IN_UNICAST,
    IN_SPECIAL,
    st.sampled_from(SPECIAL + DIFFERENT).map(neighbours).flatmap(st.sampled_from),
    st.sampled_from(DIFFERENT).flatmap(inside),
)


@given(IN_SPECIAL)
def test_no_address_of_a_special_range_is_called(address: Address) -> None:
    assert not may_be_called(address)


def test_the_neighbours_of_every_special_range_are_called_unless_they_are_in_another_one() -> None:
    for network in SPECIAL:
        for address in neighbours(network):
            in_use = address.version == 4 or (address in UNICAST and address not in SIX_TO_FOUR)
            assert may_be_called(address) is (in_use and not any(address in other for other in SPECIAL)), address


@given(IN_UNICAST)
def test_what_is_public_and_in_no_special_range_is_called(address: Address) -> None:
    assume(address not in SIX_TO_FOUR and not is_isatap(address) and not any(address in other for other in SPECIAL))
    assert may_be_called(address)


def disguises(address: Address) -> list[IPv6Address]:
    number = int(address)
    return [
        IPv6Address(disguise)
        for disguise in (0xFFFF << 32 | number, 0x64_FF9B << 96 | number, 0x2002 << 112 | number << 80 | 1)
    ]


@given(SPECIAL_IPV4)
def test_no_disguise_of_a_special_ipv4_address_is_called(address: Address) -> None:
    isatap = [IPv6Address(0x2606_4700 << 96 | id << 32 | int(address)) for id in (0x5EFE, 0x0200_5EFE)]
    assert [may_be_called(disguise) for disguise in disguises(address) + isatap] == [False] * 5


@given(st.ip_addresses(v=4) | SPECIAL_IPV4, st.lists(st.ip_addresses(v=4).map(lambda one: IPv4Network((one, 32)))))
def test_a_disguise_is_judged_like_what_it_leads_to(address: IPv4Address, others: list[IPv4Network]) -> None:
    for allowed in (others, [*others, IPv4Network((address, 32))]):
        expected = may_be_called(address, allowed)
        assert [may_be_called(disguise, allowed) for disguise in disguises(address)] == [expected] * 3


@given(ANY_ADDRESS, st.integers(0, 128))
def test_an_allowed_network_wins_whatever_is_in_it(address: Address, prefix: int) -> None:
    assume(address not in MAPPED)  # it is an IPv4 address
    network = ip_network((address, min(prefix, address.max_prefixlen)), strict=False)
    assert may_be_called(address, [network])


@given(ANY_ADDRESS, st.sampled_from(SPECIAL))
def test_an_allowed_network_takes_nothing_away(address: Address, network: Network) -> None:
    assert may_be_called(address, [network]) or not may_be_called(address)


@given(IN_SPECIAL, st.sampled_from(SPECIAL))
def test_an_allowed_network_allows_nothing_beside_it(address: Address, network: Network) -> None:
    assert may_be_called(address, [network]) is (address in network)


@given(ANY_ADDRESS)
@example(IPv4Address("192.0.0.9"))
@example(IPv6Address("fec0::1"))
def test_python_agrees_but_for_the_differences_on_purpose(address: Address) -> None:
    if is_isatap(address) or any(address in network for network in DIFFERENT):
        return
    assert may_be_called(address) is address.is_global


def test_each_difference_is_one() -> None:
    """So that the list does not outlive its reasons; the versions of Python differ, one of these does for all."""
    always = {"192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24", "168.63.129.16/32", "2620:4f:8000::/48"}
    assert [text for text in always if may_be_called(ip_network(text)[0]) is ip_network(text)[0].is_global] == []


def test_the_registries_are_all_there() -> None:
    kinds = [type(network) for network in SPECIAL]
    assert (kinds.count(IPv4Network), kinds.count(IPv6Network)) == (26, 25)
