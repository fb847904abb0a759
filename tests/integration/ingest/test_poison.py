"""A message that can't be taken in goes to the rejected, with its reason and its place, and holds up nothing."""

import asyncio
import base64
import json
import socket
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from nats.js.errors import BadRequestError, NoStreamResponseError

from sendoff_domain.stream_names import ingest_subject
from support.client import Client
from support.instances import Launcher
from support.producer import Producer
from support.receiver import Receiver
from support.waiting import eventually

GOOD = {"to": "bob", "content": "good"}
TOO_LARGE = json.dumps({"to": "bob", "content": "x" * (65 * 1024)}).encode()

#: What is published, for whom, with which headers; and the reason and pointer that it is rejected with.
POISON: list[tuple[bytes, str, dict[str, str], str, str | None]] = [
    (b"not JSON", "default", {}, "not_json", None),
    (b"", "default", {}, "not_json", None),
    (b"\xff\xfe", "default", {}, "not_json", None),
    (b"[1]", "default", {}, "invalid", ""),
    (b'{"to": "bob"}', "default", {}, "invalid", "/content"),
    (b'{"to": "b\\u0000b", "content": 1}', "default", {}, "invalid", "/to"),
    (TOO_LARGE, "default", {}, "content_too_large", "/content"),
    (b"1" * (513 * 1024), "default", {}, "content_too_large", None),
    (json.dumps(GOOD).encode(), "nobody", {}, "invalid", "/customer"),
    (json.dumps(GOOD).encode(), "sch\u00f6n", {}, "invalid", "/customer"),
    (json.dumps({**GOOD, "customer": "other"}).encode(), "default", {}, "invalid", "/customer"),
    (json.dumps(GOOD).encode(), "default", {"Idempotency-Key": "k" * 256}, "invalid", "Idempotency-Key"),
    (json.dumps(GOOD).encode(), "default", {"Idempotency-Key": "used"}, "idempotency_key_reused", None),
    (
        json.dumps(GOOD).encode(),
        "default",
        {"x": "y" * 60_000, "Idempotency-Key": " "},
        "invalid",
        "Idempotency-Key",
    ),
]


async def test_each_kind_of_poison_is_rejected_and_all_that_is_good_is_delivered(
    launch: Launcher, producer: Producer, receiver: Receiver
) -> None:
    launch.worker()
    ingest = launch.ingest()
    await producer.streams_exist()
    await producer.publish({"to": "first", "content": 1}, Idempotency_Key="used")
    await producer.all_taken()
    assert ingest.stop() == 0  # so that what follows is one batch
    sequences = []
    for number, (body, customer, headers, _, _) in enumerate(POISON):
        subject = ingest_subject(producer.prefix, customer)
        sequences.append((await producer.jetstream.publish(subject, body, headers=headers or None)).seq)
        await producer.publish({"to": f"good-{number}", "content": number})
    launch.ingest()
    await producer.all_taken()
    good = {"first": 1, **{f"good-{number}": 1 for number in range(len(POISON))}}
    assert await producer.stored() == good
    found = {rejected["sequence"]: rejected for rejected in await producer.rejections()}
    said = [(found[one]["reason"], next((error["pointer"] for error in found[one]["errors"]), None))
            for one in sequences]  # fmt: skip
    assert said == [(reason, pointer) for *_, reason, pointer in POISON]
    assert len(found) == len(POISON)
    await eventually(lambda: len(receiver.received) == len(good), "all that is good arrived")
    assert Counter(received.message["to"] for received in receiver.received) == good


async def test_what_the_stream_itself_does_not_take_is_told_to_its_producer(
    launch: Launcher, producer: Producer
) -> None:
    launch.ingest()
    await producer.streams_exist()
    ours = ingest_subject(producer.prefix, "default")
    for subject in (f"{ours}.more", ours.removesuffix(".default"), ours.replace(".v1.", ".v2.")):
        with pytest.raises(NoStreamResponseError):
            await producer.jetstream.publish(subject, json.dumps(GOOD).encode())
    with pytest.raises(BadRequestError, match="header size exceeds maximum allowed of 64k"):
        await producer.publish(GOOD, x="y" * 1_000_000)
    assert (await producer.stream()).state.last_seq == 0


async def test_a_rejection_has_all_that_is_needed_to_send_it_again(launch: Launcher, producer: Producer) -> None:
    launch.ingest()
    await producer.streams_exist()
    sequence = await producer.publish(b'{"to": 1}', Idempotency_Key="a")
    await producer.publish(b"\xff\x00")
    await producer.all_taken()
    readable, unreadable = sorted(await producer.rejections(), key=lambda one: one["sequence"])
    assert readable["sequence"] == sequence
    assert readable["subject"] == ingest_subject(producer.prefix, "default")
    assert readable["headers"] == {"Idempotency-Key": "a"}
    assert (readable["body"], readable["bodyEncoding"], readable["bodyBytes"]) == ('{"to": 1}', "utf-8", 9)
    assert {error["pointer"] for error in readable["errors"]} == {"/to", "/content"}
    assert readable["publishedAt"].endswith("Z")
    assert base64.b64decode(unreadable["body"]) == b"\xff\x00"
    assert unreadable["bodyEncoding"] == "base64"


async def test_headers_that_no_client_writes_do_not_stop_the_ingest(
    launch: Launcher, producer: Producer, nats_url: str
) -> None:
    launch.ingest()
    await producer.streams_exist()
    subject = ingest_subject(producer.prefix, "default")
    body = json.dumps(GOOD).encode()
    for block in (b"NATS/1.0", b"NATS/1.0 \xff\xff\xff\r\n\r\n", b"NATS/1.0\r\nno colon\r\n\r\n"):
        await asyncio.to_thread(publish_raw, nats_url, subject, block, body)
    await producer.publish({"to": "after", "content": 1})
    await producer.all_taken()
    stored, rejected = await producer.stored(), await producer.rejections()
    assert stored["after"] == 1
    assert stored["bob"] + len(rejected) == 3
    assert {error["pointer"] for one in rejected for error in one["errors"]} == {"headers"}


async def test_what_the_database_refuses_is_rejected_alone(
    launch: Launcher, producer: Producer, api: Client, sendoff_database: str
) -> None:
    await refuse_recipient(sendoff_database, "cursed")
    ingest = launch.ingest()
    await producer.streams_exist()
    assert ingest.stop() == 0
    for recipient in ("a", "cursed", "b"):
        await producer.publish({"to": recipient, "content": 1})
    launch.ingest()
    await producer.all_taken()
    assert await producer.stored() == {"a": 1, "b": 1}
    (rejected,) = await producer.rejections()
    assert rejected["reason"] == "refused_by_database"
    assert json.loads(rejected["body"])["to"] == "cursed"


async def refuse_recipient(database: str, recipient: str) -> None:
    """Let the database refuse every message for that recipient, as a constraint of somebody's own would."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute(
            f"ALTER TABLE messages ADD CONSTRAINT no_{recipient} CHECK (recipient <> '{recipient}')".encode()
        )


def publish_raw(url: str, subject: str, headers: bytes, body: bytes) -> None:
    """Publish with a header block as it is, and wait until the server has it."""
    parts = urlsplit(url)
    options: dict[str, Any] = {"user": parts.username, "pass": parts.password, "verbose": False, "headers": True}
    with socket.create_connection((parts.hostname or "", parts.port or 4222), 5) as connection:
        lines = connection.makefile("rb")
        lines.readline()
        connection.sendall(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
        command = f"HPUB {subject} {len(headers)} {len(headers) + len(body)}\r\n".encode()
        connection.sendall(command + headers + body + b"\r\nPING\r\n")
        assert lines.readline().startswith(b"PONG")
