"""What messages on NATS carry, taken or not, is in no log of the ingest."""

import json
from urllib.parse import urlsplit

from support.instances import Launcher
from support.producer import Producer
from support.receiver import Receiver
from support.waiting import eventually

CONTENT, SECRET = "mark-of-content", "mark-of-secret"


async def test_no_log_of_the_ingest_tells_contents_or_secrets_and_every_line_is_json(
    launch: Launcher, producer: Producer, receiver: Receiver, nats_url: str
) -> None:
    launch.environment |= {"SENDOFF_LOGGING__LEVEL": "debug", "SENDOFF_LOGGING__FORMAT": "json"}
    launch.ingest()
    launch.worker()
    await producer.streams_exist()
    taken = {"to": CONTENT, "content": {"text": CONTENT}, "metadata": {"note": CONTENT}, "reference": SECRET}
    await producer.publish(taken, Authorization=SECRET, traceparent=SECRET, tracestate=SECRET)
    refused = (
        f'{{"to":"{CONTENT}","content":"{SECRET}"'.encode(),
        f"{CONTENT} {SECRET}".encode(),
        {"to": CONTENT, "content": CONTENT, "delay": CONTENT},
        {"to": CONTENT, "content": CONTENT, "deliverAt": SECRET},
        {"to": CONTENT, "content": CONTENT, "metadata": {CONTENT: 1}},
        {"to": CONTENT * 100, "content": CONTENT, "retry": SECRET},
        {"to": CONTENT, "content": CONTENT, "customer": f"{SECRET} is none"},
    )
    for body in refused:
        await producer.publish(body)
        await producer.all_taken()  # for of a batch only the first is logged
    await producer.publish({"to": CONTENT, "content": CONTENT}, Idempotency_Key=f"\u00fc{SECRET}")
    await producer.all_taken()
    await eventually(lambda: len(receiver.received) == 1, "the message arrived")
    assert len(await producer.rejections()) == len(refused) + 1

    for process in launch.processes:
        assert process.stop() == 0, process.tail()
        lines = process.log.read_bytes().split(b"\n")
        for mark in (CONTENT, SECRET, urlsplit(nats_url).password):
            assert not [line for line in lines if mark and mark.encode() in line]
        assert all(json.loads(line)["event"] for line in lines if line)
