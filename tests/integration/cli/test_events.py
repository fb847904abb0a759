"""`sendoff events`: what the streams hold, and what comes."""

import json
import secrets
import signal
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import nats
import pytest
from nats.js import JetStreamContext

from sendoff_config.event_settings import EventSettings, EventStreamSettings
from sendoff_domain.event_types import EventKind
from sendoff_domain.events import Event, cloud_event, event_subject
from sendoff_ingest.events.streams import event_streams
from support.command_line import COMMAND, clean_environment
from support.warm_command import sendoff

_SMALL = EventStreamSettings(max_bytes=2**20)


class Streams:
    """The streams of events of one prefix, as a publisher fills them."""

    def __init__(self, jetstream: JetStreamContext, prefix: str) -> None:
        self._jetstream = jetstream
        self.prefix = prefix

    async def make(self) -> None:
        for config in event_streams(self.prefix, EventSettings(retry=_SMALL, dead=_SMALL, others=_SMALL)):
            await self._jetstream.add_stream(config)

    async def delete(self) -> None:
        for config in event_streams(self.prefix, EventSettings()):
            await self._jetstream.delete_stream(str(config.name))

    async def publish(self, kind: EventKind, customer: str | None, number: int) -> None:
        event = Event(
            event_position=number,
            row_id=UUID(int=number),
            customer=customer,
            kind=kind,
            happened_at=datetime.now(UTC),
            generation=0,
            attempt=number,
            reason="since [it] failed",
        )
        document = json.dumps(cloud_event(event, "/test")).encode()
        await self._jetstream.publish(event_subject(self.prefix, kind, customer), document)


@pytest.fixture
async def streams(nats_url: str) -> AsyncIterator[Streams]:
    client = await nats.connect(nats_url)
    opened = Streams(client.jetstream(), f"test-{secrets.token_hex(4)}")
    await opened.make()
    yield opened
    await opened.delete()
    await client.close()


@pytest.fixture
def settings(streams: Streams, nats_url: str) -> dict[str, str]:
    return {"NATS__URL": nats_url, "CONTROL__PREFIX": streams.prefix}


async def test_more_events_of_one_kind_than_wait_to_be_printed_hold_up_no_other_kind(
    streams: Streams, settings: dict[str, str], folder: Path
) -> None:
    for number in range(1, 1_502):
        await streams.publish(EventKind.SENT, "acme", number)
    await streams.publish(EventKind.DEAD, "acme", 2_000)
    shown = sendoff("events", "--json", folder=folder, **settings)
    assert shown.returncode == 0, shown.stderr
    kinds = [json.loads(line)["type"] for line in shown.stdout.splitlines()]
    assert (kinds.count("sendoff.sent"), kinds.count("sendoff.dead")) == (1_501, 1)


async def test_what_happened_is_shown_by_kind_and_customer(
    streams: Streams, settings: dict[str, str], folder: Path
) -> None:
    for number, (kind, customer) in enumerate(
        [
            (EventKind.SENT, "acme"),
            (EventKind.DEAD, "acme"),
            (EventKind.DEAD, "other"),
            (EventKind.DEAD, "acme"),
            (EventKind.FLEET_STOPPED, None),
        ],
        1,
    ):
        await streams.publish(kind, customer, number)
    dead = sendoff("events", "--kind", "dead", "--customer", "acme", "--json", folder=folder, **settings)
    assert dead.returncode == 0, dead.stderr
    found = [json.loads(line) for line in dead.stdout.splitlines()]
    assert [(one["type"], one["data"]["attempt"]) for one in found] == [("sendoff.dead", 2), ("sendoff.dead", 4)]
    shown = sendoff("events", folder=folder, **settings).stdout
    assert sorted(line.split()[1] for line in shown.splitlines()) == ["dead"] * 3 + ["fleet.stopped", "sent"]
    assert "reason=since [it] failed" in shown
    assert sendoff("events", "--customer", "nobody", folder=folder, **settings).stdout == ""


def following(folder: Path, settings: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*COMMAND, "events", "--follow", "--since", "1h", "--kind", "dead", "--json"],
        cwd=folder,
        env=clean_environment({f"SENDOFF_{name}": value for name, value in settings.items()}),
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_what_comes_is_followed_until_ctrl_c(streams: Streams, settings: dict[str, str], folder: Path) -> None:
    await streams.publish(EventKind.DEAD, "acme", 1)
    with following(folder, settings) as follower:
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["data"]["attempt"] == 1
        for number in (2, 3):
            await streams.publish(EventKind.SENT, "acme", 10 + number)
            await streams.publish(EventKind.DEAD, "acme", number)
            assert json.loads(follower.stdout.readline())["data"]["attempt"] == number
        follower.send_signal(signal.SIGINT)
        assert (follower.wait(30), follower.stdout.read()) == (0, "")


def test_without_streams_it_says_what_to_do(nats_url: str, folder: Path) -> None:
    settings = {"NATS__URL": nats_url, "CONTROL__PREFIX": f"test-{secrets.token_hex(4)}"}
    done = sendoff("events", folder=folder, **settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert "set `events.enabled: true`" in done.stderr
    assert "nats.url is not set" in sendoff("events", folder=folder).stderr
    assert sendoff("events", "--since", "soon", folder=folder).returncode == 2
