"""Hosts that are addresses and no names, in every notation that some resolver reads."""

import re
from ipaddress import IPv4Address, IPv6Address

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
