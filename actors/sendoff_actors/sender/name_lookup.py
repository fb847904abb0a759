"""From a host's name to addresses that may be called; one forbidden address spoils the name."""

import asyncio
import socket
import time
from collections.abc import Sequence

from sendoff_actors.sender.transport import TransportError
from sendoff_domain.addresses import Network, vetted
from sendoff_domain.outcome import ErrorClass

#: Answers are kept this long (seconds), so that a busy webhook costs no lookup for each connection.
_KEPT = 30.0


class NameLookup:
    """Resolves with the system's resolver, checks every address, and remembers the answer for a while.

    Odd notations of addresses (decimal, octal, hexadecimal) go through the same check, since the resolver reads them.
    """

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """The addresses to connect to, in order; raises TransportError (dns, forbidden_address)."""
        known = self._known.get(host)
        if known is not None and time.monotonic() - known[0] < _KEPT:
            return known[1]
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise TransportError(ErrorClass.DNS, f"{host} does not resolve: {error}") from error
        addresses = vetted(list(dict.fromkeys(str(entry[4][0]) for entry in found)), self._allowed)
        if not addresses:
            raise TransportError(ErrorClass.FORBIDDEN_ADDRESS, f"{host} leads to an address that must not be called")
        self._known[host] = (time.monotonic(), addresses)
        return addresses
