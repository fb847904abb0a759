"""What messages carry, and what is secret, is in no log: a whole run at the level debug is searched for marks."""

import asyncio
import json
from urllib.parse import urlsplit

import nats
import redis

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import wait_until
from support.whole_sendoff import free_port

CONTENT, SECRET, FORGED = "mark-of-content", "mark-of-secret", "mark\nof\x1b[2Jforgery"
API_KEY = f"{SECRET}-0123456789abcdef0123456789abcdef"


async def forge(nats_url: str, prefix: str) -> None:
    """Say on NATS what nobody should, with line breaks and commands to terminals in it."""
    client = await nats.connect(nats_url)
    state = {"sender": FORGED, "scope": "global", "epoch": 1, "revision": 9, "desired": "running"}
    for payload in (json.dumps(state).encode(), FORGED.encode(), json.dumps({"action": FORGED}).encode()):
        for subject in ("state", "ack.x", "heartbeat.x", "customer", "wake"):
            await client.publish(f"{prefix}.control.{subject}", payload, reply=FORGED.split()[0])
    await client.publish(f"{prefix}.control.stop", json.dumps({"action": FORGED}).encode())
    await client.flush()
    await client.close()


def attempts_told(lines: list[bytes]) -> set[tuple[str, int, str, int]]:
    """Message, attempt, outcome and generation of each attempt in a log."""
    attempts = [line for line in map(json.loads, filter(None, lines)) if line["event"] == "attempt"]
    return {(line["message"], line["attempt"], line["outcome"], line.get("generation", 0)) for line in attempts}


def test_no_log_tells_contents_or_secrets_and_every_line_is_json(
    launch: Launcher, receiver: Receiver, redis_urls: RedisUrls, nats_url: str, prefix: str
) -> None:
    logging = {"LEVEL": "debug", "FORMAT": "json", "ATTEMPTS": "all"}
    launch.environment |= {f"SENDOFF_LOGGING__{name}": value for name, value in logging.items()}
    launch.environment["SENDOFF_HTTP__API_KEYS"] = json.dumps([API_KEY])
    port = free_port()
    launch.api(port)
    launch.worker()
    api = Client(f"http://127.0.0.1:{port}", {"X-Api-Key": API_KEY})
    headers = {"Authorization": f"Bearer {SECRET}"}
    made = api.call("POST", "/v1/customers", {"id": "acme", "webhookUrl": receiver.url, "headers": headers})
    assert made.status == 201, made
    fields = {"customer": "acme", "retry": "once", "metadata": {"note": CONTENT}}
    sent = api.send(CONTENT, {"text": CONTENT}, **fields)
    api.wait_for(sent, "sent")
    receiver.answer(500, headers={"X-Mark": SECRET}, body=CONTENT + FORGED)
    failed = api.send(CONTENT, CONTENT, **fields)
    api.wait_for(failed, "dead", timeout=30)
    assert api.call("POST", "/v1/messages", {"to": "", "content": CONTENT, "wrong": SECRET}).status == 422
    assert api.call("GET", f"/v1/messages/{FORGED.encode().hex()}%0Aforged%1B%E2%80%A8").status in (404, 422)
    with redis.Redis.from_url(redis_urls.broker) as client:
        for queue in ("sender", "claimer", "retrier", "dead_letterer"):
            client.hset(f"sendoff:{queue}.msgs", "broken", f"{CONTENT} {SECRET} {FORGED}")
            client.rpush(f"sendoff:{queue}", "broken")
        client.publish(f"{prefix}:control", FORGED)
        wait_until(lambda: client.llen("sendoff:set_aside") == 4, "what is broken is set aside")
    asyncio.run(forge(nats_url, prefix))
    receiver.script = type(receiver)().script
    resent = api.call("POST", f"/v1/dead-letters/{failed}/resend")
    assert resent.status == 202, resent
    api.wait_for(failed, "sent", timeout=30)

    key = made.body["secrets"][0] if made.body.get("secrets") else made.body.get("secret")
    marks = [CONTENT, SECRET, urlsplit(nats_url).password, str(key).removeprefix("whsec_")]
    told = set[tuple[str, int, str, int]]()
    for process in launch.processes:
        assert process.stop() == 0, process.tail()
        lines = process.log.read_bytes().split(b"\n")
        assert not [line for line in lines for mark in marks if mark and mark.encode() in line]
        assert all(json.loads(line)["event"] and line.decode("ascii").isprintable() for line in lines if line)
        told |= attempts_told(lines)
    assert told == {(sent, 1, "delivered", 0), (failed, 1, "status", 0), (failed, 1, "delivered", 1)}
