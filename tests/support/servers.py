"""PostgreSQL, Valkey and NATS for the tests: the embedded ones, started once per session."""

import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis

from sendoff_cli.servers.embedded import embedded_servers

_REDIS_DATABASES = 1024
#: Where a database is made with a tenth of the work, if there is so much room (bytes): a file system in memory.
_MEMORY, _ROOM = Path("/dev/shm"), 6 * 2**30
_PREFIX = "sendoff-test-"
#: What a test left there that was killed goes after this time (seconds).
_ABANDONED = 24 * 3600


@dataclass(frozen=True, slots=True)
class Servers:
    """The URLs of the running servers, with their passwords."""

    postgres: str
    redis: str
    nats: str


@dataclass(frozen=True, slots=True)
class RedisUrls:
    """Two empty databases of the Redis server."""

    broker: str
    cache: str


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The three servers, in a folder that goes with the session."""
    with (
        open_folder() as folder,
        embedded_servers(
            folder / "data",
            ("postgres", "redis", "nats"),
            postgres_settings={
                "max_connections": "300",
                "fsync": "off",
                "full_page_writes": "off",
                "max_wal_size": "256MB",  # it may be in memory
            },
            redis_settings={"databases": str(_REDIS_DATABASES)},
        ) as running,
    ):
        yield Servers(**running.addresses)


@pytest.fixture
def database(servers: Servers) -> Iterator[str]:
    """The URL of a new, empty database, which is dropped after the test whoever is still connected."""
    with new_database(servers) as url:
        yield url


@contextmanager
def new_database(servers: Servers, template: str = "template1") -> Iterator[str]:
    """The URL of a copy of that database, dropped after the block whoever is still connected."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(servers.postgres, autocommit=True) as connection:
        # Ten times as fast as the default while fsync is off.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY".encode())
    try:
        yield servers.postgres.rpartition("/")[0] + f"/{name}"
    finally:
        with psycopg.connect(servers.postgres, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def unused_redis_databases() -> list[int]:
    """The numbers that no test has at the moment; 0 belongs to nobody."""
    return list(range(1, _REDIS_DATABASES))


@pytest.fixture
def redis_urls(servers: Servers, unused_redis_databases: list[int]) -> Iterator[RedisUrls]:
    """Two empty databases for the test alone, emptied again after it."""
    numbers = unused_redis_databases.pop(0), unused_redis_databases.pop(0)
    broker, cache = (servers.redis.rpartition("/")[0] + f"/{number}" for number in numbers)
    yield RedisUrls(broker, cache)
    for url in (broker, cache):
        with Redis.from_url(url) as client:
            client.flushdb()
    unused_redis_databases.extend(numbers)


@pytest.fixture
def nats_url(servers: Servers) -> str:
    """The NATS server, which all tests share: a test takes subjects and streams of its own."""
    return servers.nats


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user may enter, unlike pytest's: PostgreSQL does not run as root."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_quick_place()) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _quick_place() -> Path | None:
    """Where folders are made in memory, or None for the usual place."""
    if not _MEMORY.is_dir():
        return None
    for left in _MEMORY.glob(f"{_PREFIX}*"):
        if time.time() - left.stat().st_mtime > _ABANDONED:
            shutil.rmtree(left, ignore_errors=True)
    has_room = min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available) > _ROOM
    return _MEMORY if has_room else None
