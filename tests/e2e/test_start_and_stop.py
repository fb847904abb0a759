"""Start and stop by HTTP, NATS and Redis while messages flow."""

import asyncio
import json
import time
from urllib.parse import urlsplit

import nats
import pytest
import redis

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import wait_until


def desired(api: Client) -> str:
    """What the fleet should be doing, as the API says."""
    return str(api.call("GET", "/v1/scheduler").body["desired"])


def converged(api: Client, instances: int) -> bool:
    """Whether that many instances of workers have applied the newest revision."""
    fleet = api.call("GET", "/v1/scheduler").body
    workers = [one for one in fleet["instances"] if one["instance"] != "api"]
    return bool(fleet["converged"] and len(workers) == instances)


def flowing(api: Client, receiver: Receiver) -> None:
    """Wait until a message that was accepted just now has arrived."""
    message_id = api.send()
    wait_until(lambda: receiver.ids()[message_id] == 1, "messages flow")


def standing(api: Client, receiver: Receiver) -> None:
    """Assert that a message that was accepted just now stays scheduled although its time has come."""
    message_id = api.send()
    until = time.monotonic() + 0.5
    wait_until(lambda: time.monotonic() > until, "ten intervals are over")
    assert receiver.ids()[message_id] == 0
    assert api.message(message_id)["status"] == "scheduled"


def publish(nats_url: str, subject: str, payload: bytes = b"") -> None:
    """Publish one message as `nats pub` does."""

    async def run() -> None:
        client = await nats.connect(nats_url)
        await client.publish(subject, payload)
        await client.flush()
        await client.close()

    asyncio.run(run())


def test_stop_and_start_by_http(launch: Launcher, api: Client, receiver: Receiver) -> None:
    launch.instance("a")
    launch.instance("b")
    flowing(api, receiver)

    stopped = api.call("POST", "/v1/scheduler/stop?wait=5s", {"reason": "maintenance"})
    standing(api, receiver)
    started = api.call("POST", "/v1/scheduler/start")
    flowing(api, receiver)

    assert (stopped.status, stopped.body["desired"]) == (202, "stopped")
    assert started.body["revision"] == stopped.body["revision"] + 1
    wait_until(lambda: converged(api, 2), "both instances have applied the start")


def test_stop_and_start_by_nats(launch: Launcher, api: Client, receiver: Receiver, nats_url: str, prefix: str) -> None:
    launch.instance("a")
    flowing(api, receiver)

    publish(nats_url, f"{prefix}.control.stop")
    wait_until(lambda: desired(api) == "stopped", "the stop is committed")
    standing(api, receiver)
    publish(nats_url, f"{prefix}.control.start")
    flowing(api, receiver)


def test_stop_and_start_by_redis(
    launch: Launcher, api: Client, receiver: Receiver, redis_urls: RedisUrls, prefix: str
) -> None:
    launch.instance("a")
    launch.instance("b")
    flowing(api, receiver)
    with redis.Redis.from_url(redis_urls.broker) as client:
        client.publish(f"{prefix}:control", "stop")
        wait_until(lambda: desired(api) == "stopped", "the stop is committed")
        revision = api.call("GET", "/v1/scheduler").body["revision"]
        standing(api, receiver)
        client.publish(f"{prefix}:control", "start")
        flowing(api, receiver)

    assert api.call("GET", "/v1/scheduler").body["revision"] == revision + 1


def test_one_command_on_both_buses_counts_once(
    launch: Launcher, api: Client, nats_url: str, redis_urls: RedisUrls, prefix: str
) -> None:
    launch.instance("a")
    wait_until(lambda: converged(api, 1), "the instance is there")
    before = api.call("GET", "/v1/scheduler").body["revision"]
    command = {"commandId": "both-buses", "action": "stop"}

    publish(nats_url, f"{prefix}.control.stop", json.dumps(command).encode())
    with redis.Redis.from_url(redis_urls.broker) as client:
        client.publish(f"{prefix}:control", json.dumps(command))
    wait_until(lambda: desired(api) == "stopped" and converged(api, 1), "the stop is applied")

    assert api.call("GET", "/v1/scheduler").body["revision"] == before + 1


@pytest.mark.parametrize("dead", ["NATS__URL", "REDIS__BROKER_URL"])
def test_the_state_outlives_a_restart_and_a_dead_bus(
    launch: Launcher, api: Client, receiver: Receiver, dead: str
) -> None:
    # A worker whose NATS is dead hears Redis; one whose broker is dead can't work at all, so only its API is cut off.
    nowhere = {"NATS__URL": "nats://127.0.0.1:9", "REDIS__BROKER_URL": "redis://127.0.0.1:9/0"}
    cut_off = {dead: nowhere[dead]} if dead == "NATS__URL" else {}
    workers = launch.instance("a", 2, **cut_off)
    flowing(api, receiver)
    api.call("POST", "/v1/scheduler/stop?wait=5s")

    for worker in workers:
        worker.stop()
    launch.instance("a", 2, **cut_off)
    wait_until(lambda: converged(api, 1), "the restarted instance has applied the stop")
    standing(api, receiver)

    api.call("POST", "/v1/scheduler/start?wait=5s")
    flowing(api, receiver)


def test_after_a_stop_claimed_messages_go_back_unharmed(launch: Launcher, api: Client, receiver: Receiver) -> None:
    receiver.hang(lambda _: True)
    launch.worker(SCHEDULER__MAX_CONCURRENT="5")
    ids = api.send_many(100)
    wait_until(lambda: len(receiver.received) == 5, "the slots are taken")

    api.call("POST", "/v1/scheduler/stop?wait=5s")
    receiver.let_go()
    for request in receiver.received:
        api.wait_for(request.webhook_id, "sent")

    def scheduled() -> int:
        return sum(api.message(message_id)["status"] == "scheduled" for message_id in ids)

    wait_until(lambda: scheduled() == 95, "what was claimed and not sent is scheduled again", every=0.5)
    api.call("POST", "/v1/scheduler/start")
    wait_until(lambda: len(receiver.ids()) == 100, "everything goes on")
    assert set(receiver.ids().values()) == {1}


def test_with_both_buses_deaf_a_stop_is_applied_by_polling(launch: Launcher, api: Client, receiver: Receiver) -> None:
    # On a prefix of its own the instance hears nothing of what the API announces.
    launch.instance("a", CONTROL__PREFIX="nobody-else", NATS__URL="nats://127.0.0.1:9")
    flowing(api, receiver)

    api.call("POST", "/v1/scheduler/stop")
    standing(api, receiver)
    wait_until(lambda: converged(api, 1), "the poll has found the stop")

    api.call("POST", "/v1/scheduler/start")
    flowing(api, receiver)


def test_a_webhook_that_leads_to_the_api_itself_stops_nothing(launch: Launcher, api: Client) -> None:
    """The worker knows neither its port nor its gateway; the API knows a webhook request when it sees one."""
    launch.worker(WEBHOOK__URL=f"{api.url}/v1/scheduler/stop", RETRY__ATTEMPTS="1")
    message = api.send()
    api.wait_for(message, "dead")
    (attempt,) = api.call("GET", f"/v1/messages/{message}/attempts").body["data"]
    assert (attempt["statusCode"], "own_webhook" in attempt["answer"]) == (403, True)
    assert api.call("GET", "/v1/scheduler").body["desired"] == "running"


def test_a_webhook_that_leads_to_a_server_of_our_own_is_not_called(
    launch: Launcher, api: Client, redis_urls: RedisUrls
) -> None:
    url = urlsplit(redis_urls.broker)
    launch.worker(WEBHOOK__URL=f"http://{url.hostname}:{url.port}/", RETRY__ATTEMPTS="1")
    message = api.send()
    api.wait_for(message, "dead")
    (attempt,) = api.call("GET", f"/v1/messages/{message}/attempts").body["data"]
    assert attempt["errorClass"] == "forbidden_address"
