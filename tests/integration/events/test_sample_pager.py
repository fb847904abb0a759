"""The sample consumer of dead letters: one page for a burst, and none is lost when the pager is away."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web
from nats.js.errors import NotFoundError

from support.client import Client
from support.event_log import EventLog
from support.instances import Launcher
from support.layout import ROOT
from support.receiver import Received, Receiver, running_receiver
from support.waiting import eventually

SAMPLE = ROOT / "deploy" / "samples" / "page_dead_letters.py"


@contextmanager
def running_sample(log: Path, **environment: str) -> Iterator[None]:
    """The sample as a process."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(SAMPLE)], env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


def counted(pages: list[Received]) -> int:
    """How many dead letters pages tell of."""
    return sum(int(page.message["text"].split()[0]) for page in pages)


async def test_a_burst_of_dead_letters_is_one_page(
    launch: Launcher, events: EventLog, api: Client, receiver: Receiver, nats_url: str, tmp_path: Path
) -> None:
    receiver.answer(500)
    launch.worker()
    launch.ingest()
    await eventually(events.exist, "the streams are there")
    stream = events.stream("EVENTS_DEAD")

    async def listens() -> bool:
        try:
            return bool(await events.jetstream.consumer_info(stream, "pager"))
        except NotFoundError:
            return False

    with running_receiver() as pager:
        pager.script = lambda _: web.Response(status=503 if len(pager.received) == 1 else 200)
        where = {"PAGER_URL": pager.url, "NATS_URL": nats_url, "STREAM": stream, "BURST_SECONDS": "4"}
        with running_sample(tmp_path / "pager.log", **where):
            await eventually(listens, "the pager listens")
            items = [{"to": "x", "content": "y"} for _ in range(60)]
            assert api.call("POST", "/v1/messages/batch", items).status == 202
            await eventually(lambda: counted(pager.received[1:]) == 60, "all are told", timeout=90, every=0.2)

            async def acknowledged() -> bool:
                info = await events.jetstream.consumer_info(stream, "pager")
                return bool(info.num_ack_pending == info.num_pending == 0)

            await eventually(acknowledged, "all are acknowledged", timeout=60)
        assert "default (exhausted)" in pager.received[-1].message["text"]
        assert len(pager.received) < 10
