"""The servers of this installation, which are never a webhook, whatever networks are allowed.

They are those that the settings name: the API, its metrics, PostgreSQL, Redis, NATS, and `security.ownServers`.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from sendoff_config.settings import Settings
from sendoff_domain.errors import ShortageError
from sendoff_domain.webhook_addresses import Address, actual_address
from sendoff_domain.webhook_url import HostPort, parse_host_port
from sendoff_webhooks.client.connection import TransportError
from sendoff_webhooks.client.local_addresses import is_local
from sendoff_webhooks.client.name_lookup import NameLookup

_REDIS, _POSTGRES, _NATS, _NATS_MONITOR = 6379, 5432, 4222, 8222


class OwnServers:
    """Tells whether an address is one of these servers; their names are looked up when their port is asked for."""

    def __init__(self, servers: Iterable[HostPort], lookup: NameLookup) -> None:
        self._lookup = lookup
        self._hosts: dict[int, set[str]] = {}
        for host, port in servers:
            self._hosts.setdefault(port, set()).add(host)

    async def include(self, addresses: Sequence[str], port: int) -> bool:
        """Whether at one of these addresses a server of ours listens on that port.

        A server that listens on this machine does so on each of its addresses, as far as anybody knows.
        """
        hosts = self._hosts.get(port)
        if not hosts:
            return False
        called = [_plain(address) for address in addresses]
        own = [address for host in hosts for address in await self._addresses(host)]
        if any(address in own for address in called):
            return True
        return any(map(is_local, own)) and any(map(is_local, called))

    async def _addresses(self, host: str) -> list[Address]:
        try:
            return [_plain(address) for address in await self._lookup.addresses(host, trusted=True)]
        except (TransportError, ShortageError):
            return []  # what has no address now can't be called by its address either


def own_servers(settings: Settings) -> list[HostPort]:
    """The servers that the settings name."""
    return [
        HostPort(settings.http.host or "0.0.0.0", settings.http.port),  # noqa: S104  nothing is bound to it
        *([] if settings.metrics.port is None else [HostPort(settings.metrics.host, settings.metrics.port)]),
        *_postgres(settings.postgres.url),
        *_at(settings.redis.broker_url, _REDIS),
        *_at(settings.redis.cache_url, _REDIS),
        *_at(settings.nats.url, _NATS),
        *(HostPort(host, _NATS_MONITOR) for host, _ in _at(settings.nats.url, _NATS)),
        *map(parse_host_port, settings.security.own_servers),
    ]


def _postgres(url: str | None) -> Iterator[HostPort]:
    given = conninfo_to_dict(url or "")
    ports = str(given.get("port") or _POSTGRES).split(",")
    for key in ("host", "hostaddr"):
        hosts = str(given.get(key) or "").split(",")
        for number, host in enumerate(hosts):
            if host and not host.startswith(("/", "@")):
                yield HostPort(host, int(ports[number % len(ports)] or _POSTGRES))


def _at(urls: str | None, default: int) -> Iterator[HostPort]:
    for url in (urls or "").split(","):
        parts = urlsplit(url.strip())
        if parts.hostname:
            yield HostPort(parts.hostname, parts.port or default)


def _plain(address: str) -> Address:
    """Where an address leads: `::ffff:127.0.0.1` and `127.0.0.1` are one."""
    return actual_address(ip_address(address.partition("%")[0]))
