"""The open connections of one API process: how many there may be, and which of them gives way to a new one."""

import ipaddress
import time
from typing import Protocol

import structlog

from sendoff_config.open_files import connection_files

#: So many clients beyond the limit are still told why they are turned away.
_MOST_REFUSED = 16
_NEWS_SECONDS = 10.0
_log = structlog.get_logger("sendoff.http")


class OpenConnection(Protocol):
    """What the table has to know of a connection."""

    @property
    def awaits_client(self) -> bool:
        """Whether nothing is done for the client before it sends more."""
        ...

    def force_close(self) -> None:
        """Close at once."""
        ...


class ConnectionTable:
    """The connections by client, where a client is an IPv4 address or the /64 network of an IPv6 address.

    When there are `most`, a new connection takes the place of one that waits for its client: the oldest one of the
    client that has the most. So no client takes the places of others, and behind a gateway, where all have one address,
    idle connections make room for new ones.
    """

    def __init__(self, most: int) -> None:
        self.most = min(most, max(_MOST_REFUSED, connection_files()))
        self._clients: dict[OpenConnection, str] = {}
        self._of_client: dict[str, dict[OpenConnection, None]] = {}
        self._refused = 0
        self._told = -_NEWS_SECONDS

    def add(self, connection: OpenConnection, address: str) -> bool:
        """Whether there is a place for a connection from that address; if so, it has it until `remove`."""
        client = _client(address)
        if len(self._clients) >= self.most:
            self._tell(client)
            victim = self._victim(len(self._of_client.get(client, ())))
            if victim is None:
                return False
            victim.force_close()
            self.remove(victim)
        self._clients[connection] = client
        self._of_client.setdefault(client, {})[connection] = None
        return True

    def remove(self, connection: OpenConnection) -> None:
        """Give the connection's place away, if it has one."""
        client = self._clients.pop(connection, None)
        if client is not None:
            del self._of_client[client][connection]
            if not self._of_client[client]:
                del self._of_client[client]

    def may_refuse(self) -> bool:
        """Whether a client without a place may be answered; if so, `refused` follows when its connection is closed."""
        if self._refused >= _MOST_REFUSED:
            return False
        self._refused += 1
        return True

    def refused(self) -> None:
        """Take it that a connection without a place is closed."""
        self._refused -= 1

    def _victim(self, own: int) -> OpenConnection | None:
        for connections in sorted(self._of_client.values(), key=len, reverse=True):
            if len(connections) < own:
                return None
            for connection in connections:  # the oldest first
                if connection.awaits_client:
                    return connection
        return None

    def _tell(self, client: str) -> None:
        now = time.monotonic()
        if now - self._told >= _NEWS_SECONDS:
            self._told = now
            _log.warning("all connections are taken (http.maxConnections)", most=self.most, client=client)


def _client(address: str) -> str:
    if ":" not in address:
        return address
    return str(ipaddress.IPv6Network((address.partition("%")[0], 64), strict=False))
