"""What dies, and what must not be lost by it."""

import pytest
import redis

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import wait_until

COUNT = 5000
CONCURRENT = 50


@pytest.mark.timeout(180)
def test_sigkill_of_a_worker_loses_nothing_and_repeats_at_most_what_was_in_flight(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    victim, _ = launch.instance("a", processes=2, SCHEDULER__MAX_CONCURRENT=str(CONCURRENT))
    ids = api.send_many(COUNT)
    wait_until(lambda: len(receiver.ids()) >= COUNT // 5, "messages flow", timeout=60, every=0.005)

    victim.kill()
    killed_at = len(receiver.ids())
    launch.worker("a", 0, 2, SCHEDULER__MAX_CONCURRENT=str(CONCURRENT))
    wait_until(lambda: len(receiver.ids()) == COUNT, "every message arrived", timeout=30)

    assert killed_at < COUNT
    assert set(receiver.ids()) == set(ids)
    repeated = sum(count - 1 for count in receiver.ids().values())
    assert repeated <= CONCURRENT
    wait_until(lambda: _counts(api)["sent"] == COUNT, "every message is recorded as sent", timeout=30)


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


def _counts(api: Client) -> dict[str, int]:
    counts: dict[str, int] = api.call("GET", "/v1/stats").body["counts"]
    return counts
