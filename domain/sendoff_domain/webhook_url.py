"""What a webhook's URL may look like, whether it may be called before any name is resolved, and where it leads."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Annotated, NamedTuple
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field

from sendoff_domain.webhook_addresses import (
    Address,
    Network,
    PortRange,
    literal_address,
    looks_like_an_address,
    may_be_called,
    port_may_be_called,
    shown_ports,
)

LONGEST = 2048
#: How an error says which addresses may be called.
PUBLIC_ADDRESS = "with a public address, or one of security.allowedNetworks"
_PORTS = {"http": 80, "https": 443}
#: Host and port of a URL without anything that two programs might read in two ways.
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]|[0-9A-Za-z._-]+)(?::[0-9]*)?")
_LABEL = re.compile(r"[0-9A-Za-z_-]{1,63}")
_LONGEST_NAME = 253
_LOOPBACK = (ip_address("127.0.0.1"), ip_address("::1"))


def checked_webhook_url(url: str) -> str:
    """Return the URL unchanged if a webhook may have it.

    Raises ValueError that says what was expected: http or https, a host, no user or password, no fragment, ASCII. The
    host is a name or an address; an address may be written in any way that a resolver reads.
    """
    # First of all: urlsplit keeps what it has read, however long.
    if len(url) > LONGEST:
        raise ValueError(f"expected a URL of at most {LONGEST} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"expected a URL: {error}") from None
    if parts.scheme not in _PORTS:
        raise ValueError("expected a URL that starts with http:// or https://")
    if not parts.hostname or port == 0:
        raise ValueError("expected a URL with a host")
    if parts.username is not None or "#" in url or any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise ValueError("expected a URL without user, password, fragment or blanks")
    if not url.isascii():
        raise ValueError("expected a URL in ASCII: a name in punycode, other characters percent-encoded")
    if not _AUTHORITY.fullmatch(parts.netloc) or not _is_host(parts.hostname):
        raise ValueError("expected a URL whose host is a name or an address, not percent-encoded, without a zone")
    return url


#: The URL of a webhook, in the configuration and in the API.
WebhookUrl = Annotated[
    str, AfterValidator(checked_webhook_url), Field(examples=["https://example.org/hook"], max_length=LONGEST)
]


def callable_webhook_url(url: str, allowed_networks: Sequence[Network], allowed_ports: Sequence[PortRange]) -> str:
    """Return the URL unchanged if a webhook may have it and it may be called, as far as no name server must be asked.

    Raises ValueError that says what was expected. What a name leads to is checked when it is resolved (`vetted`).
    """
    check_port(checked_webhook_url(url), allowed_ports)
    host = urlsplit(url).hostname or ""
    known = _known_addresses(host)
    if known and not any(may_be_called(address, allowed_networks) for address in known):
        raise ValueError(f"expected a URL {PUBLIC_ADDRESS}: {host} is neither")
    return url


def check_port(url: str, allowed_ports: Sequence[PortRange]) -> None:
    """Raise ValueError that says what was expected unless the port of a `checked_webhook_url` may be called."""
    parts = urlsplit(url)
    port = parts.port or _PORTS[parts.scheme]
    if not port_may_be_called(port, allowed_ports):
        raise ValueError(
            f"expected a URL with a port of security.allowedPorts ({shown_ports(allowed_ports)}), not {port}"
        )


def is_trusted(url: str, servers: Sequence[str]) -> bool:
    """Whether a `checked_webhook_url` names one of these servers, as it is written."""
    origin = parse_target(url).origin
    return (origin.host, origin.port) in {tuple(parse_host_port(server)) for server in servers}


def _is_host(host: str) -> bool:
    if ":" in host or looks_like_an_address(host):
        return literal_address(host) is not None
    name = host.removesuffix(".")
    return len(name) <= _LONGEST_NAME and all(_LABEL.fullmatch(label) for label in name.split("."))


def _known_addresses(host: str) -> tuple[Address, ...]:
    """What a host is known to lead to: an address to itself, names of this machine to loopback (RFC 6761)."""
    if host.removesuffix(".").lower().rpartition(".")[2] == "localhost":
        return _LOOPBACK
    address = literal_address(host)
    return () if address is None else (address,)


#: What a request target may hold as it is (RFC 3986); anything else is percent-encoded.
_SAFE = "/?:@!$&'()*+,;=-._~%[]"
_NAME = re.compile(r"[a-z0-9._-]+")


class Origin(NamedTuple):
    """What connections are kept for; a tuple because its hash is needed for every request.

    `trusted` ones are kept apart, so that only those who may call them do.
    """

    secure: bool
    host: str
    port: int
    trusted: bool = False


class HostPort(NamedTuple):
    """One server: a name or an address, as a request names it, and its port."""

    host: str
    port: int


def parse_host_port(text: str) -> HostPort:
    """Read `sample:9000` or `[::1]:9000`; raises ValueError with what was expected."""
    try:
        parts = urlsplit(f"//{text}")
        if _AUTHORITY.fullmatch(text) and parts.port and parts.hostname and _is_host(parts.hostname):
            return HostPort(_checked_host(parts.hostname), parts.port)
    except ValueError:
        pass
    raise ValueError("expected a name or an address with a port, such as sample:9000 or [::1]:9000")


def _checked_server(text: str) -> str:
    parse_host_port(text)
    return text


#: A server in config.yaml.
Server = Annotated[str, AfterValidator(_checked_server)]


@dataclass(frozen=True, slots=True)
class Target:
    """An origin, and the first bytes of every request to one URL: request line and Host."""

    origin: Origin
    head: bytes


@lru_cache(maxsize=4096)
def parse_target(url: str) -> Target:
    """Take a URL apart; raises ValueError for one that can't be called."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or parts.port == 0:
        raise ValueError("expected a URL with http or https, a host and a port above 0")
    if "@" in parts.netloc:
        raise ValueError("expected a URL without user and password")
    host = _checked_host(parts.hostname)
    port = parts.port or _PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
    path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    head = f"POST {path} HTTP/1.1\r\nhost: {authority}\r\n".encode("ascii")
    return Target(Origin(parts.scheme == "https", host, port), head)


def have_same_origin(url: str, other: str) -> bool:
    """Whether two URLs lead to the same scheme, host and port."""
    return parse_target(url).origin == parse_target(other).origin


def _checked_host(host: str) -> str:
    """A host as the request names it: an IPv6 address, or a name in ASCII (IDNA)."""
    if ":" in host:
        address = IPv6Address(host)
        if address.scope_id is not None:
            raise ValueError("expected an IPv6 address without a zone")
        return host
    name = host.encode("idna").decode("ascii").lower()
    if not _NAME.fullmatch(name):
        raise ValueError(f"expected a host's name, got {host!r}")
    return name
