"""A Redis that answers and takes no writes is named by readiness and explain, until it takes them again."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from sendoff_cli.servers.embedded import embedded_servers
from support.api import Api, Reply, api_settings, running_api
from support.servers import open_folder
from support.waiting import eventually, wait_until


@dataclass(frozen=True)
class OwnRedis:
    """A server that no other test uses, and the folder of its files."""

    url: str
    home: Path
    client: Redis


@pytest.fixture(scope="module")
def own_redis() -> Iterator[OwnRedis]:
    with open_folder() as folder, embedded_servers(folder / "data", ["redis"]) as running:
        url = running.addresses["redis"]
        with Redis.from_url(url, decode_responses=True) as client:
            yield OwnRedis(url, folder / "data" / "redis", client)


@pytest.fixture
async def redis_api(sendoff_database: str, own_redis: OwnRedis) -> AsyncIterator[Api]:
    """An API that hears of the fleet over that server."""
    urls = {"brokerUrl": own_redis.url, "cacheUrl": own_redis.url.rpartition("/")[0] + "/1"}
    async with running_api(api_settings(sendoff_database, redis=urls)) as api:
        yield api


@contextmanager
def full(redis: OwnRedis) -> Iterator[None]:
    """Less memory than it uses already."""
    redis.client.config_set("maxmemory", 1)
    yield
    redis.client.config_set("maxmemory", 0)


@contextmanager
def replica(redis: OwnRedis) -> Iterator[None]:
    """A replica of a server that is not there; it still answers what is read."""
    redis.client.replicaof("127.0.0.1", "1")
    yield
    redis.client.replicaof("NO", "ONE")


@contextmanager
def unreplicated(redis: OwnRedis) -> Iterator[None]:
    """Writes need a replica, and there is none."""
    redis.client.config_set("min-replicas-to-write", 1)
    yield
    redis.client.config_set("min-replicas-to-write", 0)


@contextmanager
def unsaved(redis: OwnRedis) -> Iterator[None]:
    """A snapshot that can't be written, since a folder is in its place."""
    place = redis.home / "dump.rdb"
    place.unlink(missing_ok=True)
    place.mkdir()
    redis.client.config_set("save", "3600 1000000")
    redis.client.bgsave()
    wait_until(lambda: redis.client.info("persistence")["rdb_last_bgsave_status"] == "err", "saving fails", timeout=60)
    yield
    place.rmdir()
    redis.client.bgsave()


async def wait_for(api: Api, status: int, redis: str) -> Reply:
    """The answer of readiness once it shows Redis like this."""
    last: list[Reply] = []

    async def shows() -> bool:
        last[:] = [await api.get("/health/ready")]
        shown = last[0].json if last[0].status == 200 else last[0].json["servers"]
        return (last[0].status, shown["redis"]) == (status, redis)

    await eventually(shows, f"readiness says {status} and redis {redis}", timeout=60)
    return last[0]


async def explained(api: Api, message: dict[str, Any]) -> dict[str, str]:
    """What the message waits for, in words by their causes."""
    reply = await api.get(f"/v1/messages/{message['id']}/explain")
    assert reply.status == 200, reply.body
    return {reason["cause"]: reason["detail"] for reason in reply.json["reasons"]}


@pytest.mark.parametrize(
    ("trouble", "shown", "words"),
    [
        (full, "full", "Redis is full"),
        (replica, "read-only", "it is a replica"),
        (unreplicated, "unreplicated", "too few replicas"),
        (unsaved, "unsaved", "can't save"),
    ],
)
async def test_a_redis_that_takes_no_writes_is_named_until_it_takes_them(
    redis_api: Api,
    own_redis: OwnRedis,
    trouble: Callable[[OwnRedis], AbstractContextManager[None]],
    shown: str,
    words: str,
) -> None:
    message = await redis_api.create()
    await wait_for(redis_api, 200, "up")
    with trouble(own_redis):
        reply = await wait_for(redis_api, 503, shown)
        assert words in reply.json["detail"]
        assert reply.headers["Retry-After"]
        assert words in (await explained(redis_api, message))["redis"]
        await redis_api.create()
    await wait_for(redis_api, 200, "up")
    assert "redis" not in await explained(redis_api, message)
