"""Where a webhook's URL leads: the origin to connect to and the target to ask for."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import quote, urlsplit

_PORTS = {"http": 80, "https": 443}
#: What a request target may hold as it is (RFC 3986); anything else is percent-encoded.
_SAFE = "/?:@!$&'()*+,;=-._~%[]"
_NAME = re.compile(r"[a-z0-9._-]+")


class Origin(NamedTuple):
    """What connections are kept for; a tuple because its hash is needed for every request."""

    secure: bool
    host: str
    port: int


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
