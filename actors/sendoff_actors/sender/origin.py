"""Where a webhook's URL leads: the origin to connect to and the target to ask for."""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit

_PORTS = {"http": 80, "https": 443}
#: What a request target may hold as it is (RFC 3986); anything else is percent-encoded.
_SAFE = "/?:@!$&'()*+,;=-._~%[]"


@dataclass(frozen=True, slots=True)
class Origin:
    """What connections are kept for."""

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
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"expected an http or https URL, got {url!r}")
    host = parts.hostname if ":" in parts.hostname else parts.hostname.encode("idna").decode()
    port = parts.port or _PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
    path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    head = f"POST {path} HTTP/1.1\r\nhost: {authority}\r\n".encode("ascii")
    return Target(Origin(parts.scheme == "https", host, port), head)
