"""`sendoff publish`: lines from standard input into the stream, each once, and none without a word."""

import asyncio
import json
import secrets
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sendoff_config.ingest_settings import IngestSettings, RejectedSettings
from sendoff_domain.stream_names import ingest_stream_name
from sendoff_ingest.streams import ensure_streams
from support.command_line import COMMAND, clean_environment, invoke
from support.producer import Producer, open_producer
from support.waiting import eventually
from support.warm_command import sendoff

SMALL = IngestSettings(max_bytes=16 * 2**20, rejected=RejectedSettings(max_bytes=2**20), per_customer=3)
LINES = [
    {"to": "jane", "content": "grüße"},
    {"to": "joe", "content": {"a": [1, None]}, "customer": "acme"},
    {"to": "jim", "content": 1, "delay": "1h"},
]


def text_of(lines: list[Any]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


@pytest.fixture
async def producer(nats_url: str) -> AsyncIterator[Producer]:
    """The streams as the ingest makes them, with room for three messages of a customer, and nobody who takes them."""
    prefix = f"test-{secrets.token_hex(4)}"
    async with open_producer(nats_url, prefix, "") as opened:
        await ensure_streams(opened.jetstream, prefix, SMALL)
        yield opened


@pytest.fixture
def settings(producer: Producer, nats_url: str) -> dict[str, str]:
    return {"NATS__URL": nats_url, "CONTROL__PREFIX": producer.prefix}


async def held(producer: Producer) -> list[tuple[str, str, Any]]:
    """Customer, id and body of all that is in the stream."""
    name = ingest_stream_name(producer.prefix)
    info = await producer.jetstream.stream_info(name)
    found = []
    for sequence in range(info.state.first_seq, info.state.last_seq + 1):
        message = await producer.jetstream.get_msg(name, sequence)
        headers = message.headers or {}
        assert headers["Nats-Msg-Id"].partition(":")[2] == headers["Idempotency-Key"]
        customer = str(message.subject).rpartition(".")[2]
        found.append((customer, headers["Nats-Msg-Id"], json.loads(message.data or b"")))
    return sorted(found, key=lambda one: one[1].rpartition("-")[2])


async def test_each_line_is_in_the_stream_under_a_key_of_its_own(
    producer: Producer, settings: dict[str, str], folder: Path
) -> None:
    done = sendoff("publish", "--keys", "run7", folder=folder, stdin=text_of(LINES) + "\n  \n", **settings)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 published, 0 there already, 0 refused\n", "")
    assert await held(producer) == [
        ("default", "default:run7-1", LINES[0]),
        ("acme", "acme:run7-2", LINES[1]),
        ("default", "default:run7-3", LINES[2]),
    ]


async def test_the_same_input_under_the_same_keys_is_there_once(
    producer: Producer, settings: dict[str, str], folder: Path
) -> None:
    first = sendoff("publish", "--json", folder=folder, stdin=text_of(LINES), **settings)
    keys = json.loads(first.stdout)["keys"]
    assert f"publish the same input with --keys {keys}: nothing is doubled" in first.stderr
    again = sendoff("publish", "--json", "--keys", keys, folder=folder, stdin=text_of(LINES), **settings)
    assert json.loads(again.stdout) == {"published": 0, "repeated": 3, "refused": 0, "mistakes": [], "keys": keys}
    assert len(await held(producer)) == 3


async def test_a_line_that_is_no_message_is_named_and_holds_up_no_other(
    producer: Producer, settings: dict[str, str], folder: Path
) -> None:
    bad = ["{", "[1]", '"x"', '{"to": "a", "content": 1, "customer": "a b"}', json.dumps({"content": "x" * 2**20})]
    stdin = "\n".join([*bad, json.dumps(LINES[0])])
    done = sendoff("publish", "--customer", "acme", folder=folder, stdin=stdin, **settings)
    assert (done.returncode, done.stdout) == (1, "1 published, 0 there already, 5 refused\n")
    for number in range(1, 6):
        assert f"line {number}: expected" in done.stderr
    assert [(customer, body) for customer, _, body in await held(producer)] == [("acme", LINES[0])]


async def test_a_customers_full_share_of_the_stream_is_told(
    producer: Producer, settings: dict[str, str], folder: Path
) -> None:
    lines = [LINES[0]] * 4
    done = sendoff("publish", "--patience", "1s", folder=folder, stdin=text_of(lines), **settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert "was not taken: the stream refuses it: maximum messages per subject exceeded" in done.stderr
    assert len(await held(producer)) == 3


async def test_a_stream_that_nobody_has_made_is_told(settings: dict[str, str], folder: Path) -> None:
    nowhere = settings | {"CONTROL__PREFIX": "nowhere"}
    done = sendoff("publish", "--patience", "1s", folder=folder, stdin=text_of(LINES), **nowhere)
    assert (done.returncode, done.stdout) == (1, "")
    assert "was not taken: there is no stream for it" in done.stderr


async def test_a_line_from_a_pipe_is_published_as_it_comes(
    producer: Producer, settings: dict[str, str], folder: Path
) -> None:
    environment = clean_environment({f"SENDOFF_{name}": value for name, value in settings.items()})
    running = await asyncio.create_subprocess_exec(
        *COMMAND, "publish", cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert running.stdin is not None
    for number, line in enumerate(LINES[:2], 1):
        running.stdin.write(text_of([line]).encode())

        async def there(number: int = number) -> bool:
            return (await producer.stream()).state.messages == number

        assert await eventually(there, f"line {number} is in the stream")
    running.stdin.close()
    said, _ = await running.communicate()
    assert (running.returncode, said) == (0, b"2 published, 0 there already, 0 refused\n")


def test_what_is_wrong_with_the_call_is_said(folder: Path) -> None:
    for words, says in (
        (["--keys", "a:b"], "expected 1 to 64 letters and digits"),
        (["--patience", "soon"], "duration"),
    ):
        done = invoke("publish", *words, folder=folder)
        assert done.returncode == 2
        assert says in done.stderr
    done = sendoff("publish", folder=folder, stdin="")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nats.url is not set" in done.stderr
