"""What dies, and what must not be lost by it."""

from uuid import UUID

import psycopg
import pytest
import redis

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import wait_until

COUNT = 5000


@pytest.mark.timeout(180)
def test_sigkill_of_a_worker_loses_nothing_and_repeats_only_what_was_not_recorded(
    launch: Launcher, api: Client, receiver: Receiver, redis_urls: RedisUrls, sendoff_database: str
) -> None:
    victim, _ = launch.instance("a", processes=2)
    ids = api.send_many(COUNT)
    wait_until(lambda: len(receiver.ids()) >= COUNT // 5, "messages flow", timeout=60, every=0.005)

    victim.kill()
    killed_at = len(receiver.ids())
    recorded = _marked(redis_urls) | _delivered(sendoff_database)
    launch.worker("a", 0, 2)
    wait_until(lambda: len(receiver.ids()) == COUNT, "every message arrived")

    assert killed_at < COUNT
    assert recorded, "the victim and its neighbour had recorded some"
    assert set(receiver.ids()) == set(ids)
    assert {message for message, count in receiver.ids().items() if count > 1} & recorded == set()
    wait_until(lambda: _counts(api)["sent"] == COUNT, "every message is recorded as sent")


@pytest.mark.timeout(180)
def test_emptying_redis_loses_nothing(launch: Launcher, api: Client, receiver: Receiver, redis_urls: RedisUrls) -> None:
    launch.instance("a", processes=2)
    ids = api.send_many(COUNT)
    wait_until(lambda: len(receiver.ids()) >= COUNT // 5, "messages flow", timeout=60, every=0.005)

    for url in (redis_urls.broker, redis_urls.cache):
        with redis.Redis.from_url(url) as client:
            client.flushdb()
    wait_until(lambda: len(receiver.ids()) == COUNT, "every message arrived", timeout=60)

    assert set(receiver.ids()) == set(ids)
    assert set(receiver.ids().values()) == {1}


def _marked(urls: RedisUrls) -> set[str]:
    with redis.Redis.from_url(urls.cache, decode_responses=True) as client:
        return {str(UUID(key.split(":")[2])) for key in client.scan_iter("*:sent:*", count=COUNT)}


def _delivered(database: str) -> set[str]:
    """Asked after the markers: those of what is recorded go, those of what is not stay."""
    with psycopg.connect(database) as connection:
        return {str(message) for (message,) in connection.execute("SELECT message_id FROM deliveries")}


def _counts(api: Client) -> dict[str, int]:
    counts: dict[str, int] = api.call("GET", "/v1/stats").body["counts"]
    return counts
