"""Which addresses may be called: public ones, and private networks that the operator allows (SSRF policy)."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: IANA special-purpose registries (RFC 6890 and successors), multicast and reserved space.
_FORBIDDEN: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32",
        "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
_NAT64 = ip_network("64:ff9b::/96")
_6TO4 = ip_network("2002::/16")


def may_be_called(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether a request may go to this address; an allowed network wins over every rule."""
    actual = _embedded(address)
    if any(candidate in network for network in allowed for candidate in (address, actual)):
        return True
    return not any(actual in network for network in _FORBIDDEN)


def vetted(addresses: Sequence[str], allowed: Sequence[Network] = ()) -> tuple[str, ...]:
    """The addresses of one name if every one of them may be called, else none: one bad answer spoils the name."""
    parsed = [ip_address(text.partition("%")[0]) for text in addresses]
    return tuple(addresses) if all(may_be_called(address, allowed) for address in parsed) else ()


def _embedded(address: Address) -> Address:
    """The IPv4 address that a v4-mapped, NAT64 or 6to4 address really leads to."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _6TO4:
        return IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return address
