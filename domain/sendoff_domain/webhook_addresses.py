"""Which addresses and ports may be called: public ones, and what the operator allows; docs/security.md says why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_FORBIDDEN: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        # IANA's registry of special IPv4 addresses, all of it: also the few services in it that are public are no
        # webhooks. Clouds' metadata is in 169.254.0.0/16, 100.64.0.0/10 and 192.0.0.0/24.
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT)
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocols: DS-Lite, NAT64 discovery, anycast
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnels (AMT)
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "168.63.129.16/32",  # a public address by which a virtual machine on Azure reaches its host
        # IANA's registry of special IPv6 addresses within _UNICAST; the rest of it lies outside.
        "2001::/23",  # protocols: Teredo, benchmarks, AMT, AS112, ORCHID, drones
        "2001:db8::/32",  # documentation
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
#: All that IANA hands out as public IPv6: loopback, private, link-local, multicast, SRv6 and so on are elsewhere.
_UNICAST = ip_network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = ip_network("64:ff9b::/96")
_6TO4 = ip_network("2002::/16")
#: The interface identifier of ISATAP, without the two bits that may be either, is this and an IPv4 address.
_ISATAP, _ISATAP_MASK = 0x0000_5EFE, 0xFCFF_FFFF


def parse_allowed_network(value: Any) -> Network:
    """Read one network in CIDR notation; raises ValueError with what was expected.

    A v4-mapped network is refused: no address is within it, since a v4-mapped address is an IPv4 address.
    """
    try:
        network = ip_network(value)
    except ValueError:
        raise ValueError("expected a network such as 10.1.0.0/16 or fd00::/8, with no bits beyond the prefix") from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        raise ValueError("expected the IPv4 network itself, such as 10.1.0.0/16, not its v4-mapped form")
    return network


#: A network of `security.allowedNetworks`, as config.yaml has it.
AllowedNetwork = Annotated[Network, BeforeValidator(parse_allowed_network)]


def may_be_called(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether a request may go to this address; an allowed network wins over every rule.

    An allowed IPv4 network is allowed in every form that leads to it. An allowed IPv6 network is allowed as it is
    written, whatever it leads to; a v4-mapped address is an IPv4 address and never within it.
    """
    plain = _unmapped(address)
    actual = _actual(plain)
    if any(one in network for network in allowed for one in (plain, actual)):
        return True
    inner = _isatap(plain)
    return _is_public(actual) and (inner is None or may_be_called(inner, allowed))


def actual_address(address: Address) -> Address:
    """Where an address leads: the IPv4 address in a v4-mapped, NAT64 or 6to4 one, or itself."""
    return _actual(_unmapped(address))


def vetted(addresses: Sequence[str], allowed: Sequence[Network] = ()) -> tuple[str, ...]:
    """The addresses of one name if every one of them may be called, else none of them.

    A name that leads to a public and to a private address is refused whole, since the client takes either.
    """
    parsed = [_parsed(text) for text in addresses]
    return tuple(addresses) if all(one is not None and may_be_called(one, allowed) for one in parsed) else ()


def _parsed(text: str) -> Address | None:
    """An address in the one notation that all resolvers read alike, with or without a zone; None for any other."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _is_public(address: Address) -> bool:
    in_use = isinstance(address, IPv4Address) or address in _UNICAST
    return in_use and not any(address in network for network in _FORBIDDEN)


def _unmapped(address: Address) -> Address:
    """The IPv4 address that the system connects to when it is given a v4-mapped one."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _actual(address: Address) -> Address:
    """The IPv4 address that a NAT64 or 6to4 address leads to over a gateway."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _6TO4:
        return IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return address


def _isatap(address: Address) -> IPv4Address | None:
    """The IPv4 address at which an ISATAP router would look for an interface."""
    number = int(address)
    if isinstance(address, IPv6Address) and number >> 32 & _ISATAP_MASK == _ISATAP:
        return IPv4Address(number & 0xFFFF_FFFF)
    return None


_RANGE = re.compile(r"([1-9][0-9]{0,4})(?:-([1-9][0-9]{0,4}))?")
_EXPECTED = "expected a port from 1 to 65535, or a range such as 8000-8999"


@dataclass(frozen=True, slots=True)
class PortRange:
    """The ports from `first` to `last`, both included."""

    first: int
    last: int

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def parse_ports(value: object) -> PortRange:
    """Read one port (443) or one range (`8000-8999`); raises ValueError with what was expected."""
    if isinstance(value, PortRange):
        return value
    is_text = isinstance(value, int | str) and not isinstance(value, bool)
    match = _RANGE.fullmatch(str(value).strip()) if is_text else None
    if match is None:
        raise ValueError(_EXPECTED)
    ports = PortRange(int(match[1]), int(match[2] or match[1]))
    if ports.last > 65535 or ports.first > ports.last:
        raise ValueError(_EXPECTED)
    return ports


#: The web's own ports, and those that need no privileges; not the mail, files and names of other people's machines.
DEFAULT_PORTS = (PortRange(80, 80), PortRange(443, 443), PortRange(1024, 65535))

#: A port or a range of them, as config.yaml has it.
Ports = Annotated[
    PortRange,
    BeforeValidator(parse_ports),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["443", "8000-8999"]}),
]


def port_may_be_called(port: int, allowed_ports: Sequence[PortRange]) -> bool:
    """Whether requests may go to this port."""
    return any(port in ports for ports in allowed_ports)


def shown_ports(allowed_ports: Sequence[PortRange]) -> str:
    """The ports as a person reads them: `80, 443, 1024-65535`."""
    return ", ".join(str(ports) for ports in allowed_ports)


#: One part of an IPv4 address as inet_aton reads it: hexadecimal, octal or decimal.
_PART = re.compile(r"(0[xX][0-9a-fA-F]+)|0([0-7]*)|([1-9][0-9]*)")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


def literal_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, without asking a name server; None for a name, and for what only looks like one.

    Reads what inet_aton does (`127.1`, `0x7f000001`, `0177.0.0.1`, `2130706433`), a dot at the end, and digits and dots
    of other scripts, which IDNA makes ASCII. A zone is left out.
    """
    if ":" in host:
        try:
            return IPv6Address(host.partition("%")[0])
        except ValueError:
            return None
    try:
        return _ipv4(host.encode("idna").decode("ascii").removesuffix("."))
    except UnicodeError:
        return None


def looks_like_an_address(name: str) -> bool:
    """Whether the last label is a number, which no name on the internet has: some resolver may take it for one."""
    return _NUMBER.fullmatch(name.removesuffix(".").rpartition(".")[2]) is not None


def _ipv4(text: str) -> IPv4Address | None:
    """Up to four parts of eight bits; the last one fills what is left."""
    matches = [_PART.fullmatch(part) for part in text.split(".")]
    parts = [_value(match) for match in matches if match is not None]
    if len(parts) < len(matches) or len(parts) > 4:
        return None
    *bytes_, last = parts
    room = 256 ** (4 - len(bytes_))
    if last >= room or any(byte > 255 for byte in bytes_):
        return None
    return IPv4Address(sum(byte << 8 * (3 - place) for place, byte in enumerate(bytes_)) + last)


def _value(match: re.Match[str]) -> int:
    hexadecimal, octal, decimal = match.groups()
    if hexadecimal:
        return int(hexadecimal, 16)
    return int(decimal) if decimal else int(octal or "0", 8)
