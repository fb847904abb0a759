"""A consumer sees of every message exactly the events of its history, in order, whatever becomes of the publisher.

EVENT_MESSAGES and EVENT_OUTAGE (seconds without NATS) make the first test as long as one likes.
"""

import asyncio
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from aiohttp import web

from support.client import Client
from support.event_log import EventLog
from support.instances import Launcher, Process
from support.proxy import Proxy, open_proxy
from support.receiver import Received, Receiver
from support.waiting import eventually

#: Messages of all groups: most have one event.
MESSAGES = int(os.environ.get("EVENT_MESSAGES", "2700"))
FEW = MESSAGES // 27
MANY = MESSAGES - 7 * FEW
OUTAGE = float(os.environ.get("EVENT_OUTAGE", "1"))
#: Messages of one request.
_ITEMS = 5_000
#: What happens to a message of each group, as `generation:attempt:kind`.
HISTORIES = {
    "at once": ["0:1:sent"],
    "after two failures": ["0:1:retry", "0:2:retry", "0:3:sent"],
    "never": ["0:1:retry", "0:2:retry", "0:3:dead"],
    "never, then sent again": ["0:1:retry", "0:2:retry", "0:3:dead", "1:1:sent"],
    "sent twice": ["0:1:sent", "1:1:sent"],
    "cancelled": ["0:0:cancelled"],
    "cancelled, then sent again": ["0:0:cancelled", "1:1:sent"],
    "dead, then deleted": ["0:1:retry", "0:2:retry", "0:3:dead"],
}


class Story:
    """Sends messages of every group, and knows which is which."""

    def __init__(self, api: Client, receiver: Receiver) -> None:
        self._api = api
        self._healed = False
        self.groups: dict[str, list[str]] = {}
        receiver.script = self._answer

    def _answer(self, received: Received) -> web.StreamResponse:
        group = received.message["content"]
        fails = (group == "after two failures" and received.attempt < 3) or (
            group.startswith(("never", "dead")) and not self._healed
        )
        return web.json_response({}, status=500 if fails else 200)

    def send(self, group: str, count: int) -> None:
        """Accept that many messages of a group; what will be cancelled is due in a day."""
        later = {"deliverAt": (datetime.now(UTC) + timedelta(days=1)).isoformat()} if "cancel" in group else {}
        for first in range(0, count, _ITEMS):
            items = [{"to": "x", "content": group, **later} for _ in range(min(_ITEMS, count - first))]
            answer = self._api.call("POST", "/v1/messages/batch", items)
            assert answer.status == 202, answer
            self.groups.setdefault(group, []).extend(item["id"] for item in answer.body["data"])

    def cancel(self, group: str) -> None:
        """Cancel all of a group."""
        self._each("DELETE", "/v1/messages/{}", self.groups[group])

    def send_again(self, group: str) -> None:
        """Send all of a group again; from now on the webhook takes everything."""
        self._healed = True
        self._each("POST", "/v1/messages/{}/resend", self.groups[group])

    def delete(self, group: str) -> None:
        """Delete the dead letters of a group."""
        self._each("DELETE", "/v1/dead-letters/{}", self.groups[group])

    def _each(self, method: str, path: str, ids: Iterable[str]) -> None:
        for one in ids:
            answer = self._api.call(method, path.format(one))
            assert answer.status < 300, answer

    async def at_end(self, status: str, group: str, timeout: float = 90 + MESSAGES / 50) -> None:
        """Wait until all of a group have that status."""
        ids = set(self.groups[group])

        def all_there() -> bool:
            found: set[str] = set()
            cursor = ""
            while True:
                page = self._api.call("GET", f"/v1/messages?status={status}&limit=200{cursor}").body
                found |= {one["id"] for one in page["data"]}
                if not page.get("nextCursor"):
                    return ids <= found
                cursor = f"&cursor={page['nextCursor']}"

        await eventually(all_there, f"all messages that are {group!r} are {status}", timeout, every=0.5)

    def expected(self) -> dict[str, list[str]]:
        """The history of each message."""
        return {one: HISTORIES[group] for group, ids in self.groups.items() for one in ids}


@pytest.mark.timeout(300 + MESSAGES // 20 + OUTAGE)
async def test_every_message_has_exactly_the_events_of_its_history(
    launch: Launcher, events: EventLog, api: Client, receiver: Receiver, nats_url: str
) -> None:
    """The publisher is killed three times meanwhile, NATS away, and no publisher there while messages move on."""
    story = Story(api, receiver)
    async with open_proxy(nats_url) as proxy:
        launch.environment["SENDOFF_NATS__URL"] = proxy.url
        publisher = launch.ingest()
        await eventually(events.exist, "the streams are there")
        launch.worker(SCHEDULER__MAX_CONCURRENT="100")
        for group in HISTORIES:
            story.send(group, MANY if group == "at once" else FEW)
        publisher = await killed_when(launch, publisher, events, MESSAGES // 13)
        story.cancel("cancelled")
        story.cancel("cancelled, then sent again")
        publisher = await killed_when(launch, publisher, events, MESSAGES // 4)
        await away(proxy, events)
        publisher = await killed_when(launch, publisher, events, MESSAGES // 2)
        publisher.kill()
        await move_on(story)
        launch.ingest()
        expected = story.expected()
        total = sum(map(len, expected.values()))
        await events.holds(total, timeout=60 + total / 100)
    assert events.histories() == expected
    kept = [event["id"] for event in await events.kept()]
    assert len(kept) == len(set(kept)) == total
    print(f"{len(expected)} messages, {total} events, {events.arrivals} arrivals, {OUTAGE:g} s without NATS")


async def away(proxy: Proxy, events: EventLog) -> None:
    """NATS can't be reached for a while, in which nothing is published."""
    await proxy.cut()
    before = await events.count()
    await asyncio.sleep(OUTAGE)
    assert await events.count() == before
    proxy.restore()


async def move_on(story: Story) -> None:
    """Everything comes to its end, and some is sent again after that."""
    for status, group in (
        ("sent", "sent twice"),
        ("sent", "at once"),
        ("dead", "never"),
        ("dead", "dead, then deleted"),
        ("dead", "never, then sent again"),
    ):
        await story.at_end(status, group)
    story.delete("dead, then deleted")
    for group in ("never, then sent again", "sent twice", "cancelled, then sent again"):
        story.send_again(group)
        await story.at_end("sent", group)


async def killed_when(launch: Launcher, publisher: Process, events: EventLog, count: int) -> Process:
    """Kill the publisher once it has published that much, and start another."""
    await events.holds(count, timeout=60 + MESSAGES / 100)
    publisher.kill()
    return launch.ingest()


async def test_what_happens_while_nats_is_away_is_told_afterwards(
    launch: Launcher, events: EventLog, api: Client, receiver: Receiver, nats_url: str
) -> None:
    story = Story(api, receiver)
    async with open_proxy(nats_url) as proxy:
        launch.ingest(NATS__URL=proxy.url)
        await eventually(events.exist, "the streams are there")
        await proxy.cut()
        launch.worker()
        story.send("after two failures", 300)
        await story.at_end("sent", "after two failures")
        assert await events.count() == 0
        proxy.restore()
        await events.holds(900)
        assert events.histories() == story.expected()


async def test_two_publishers_share_the_lease(
    launch: Launcher, events: EventLog, api: Client, receiver: Receiver
) -> None:
    story = Story(api, receiver)
    publishers = [launch.ingest("one"), launch.ingest("two")]
    await eventually(events.exist, "the streams are there")
    launch.worker()
    story.send("after two failures", 500)
    await events.holds(300)
    publishers[0].stop()
    story.send("at once", 500)
    await events.holds(2000)
    assert events.histories() == story.expected()
    assert events.arrivals < 3000  # a turn may be repeated; two that publish side by side tell all of it twice


async def test_an_event_says_what_happened_and_nothing_of_the_content(
    launch: Launcher, events: EventLog, api: Client, receiver: Receiver
) -> None:
    story = Story(api, receiver)
    launch.ingest()
    await eventually(events.exist, "the streams are there")
    launch.worker()
    story.send("never", 1)
    await events.holds(3)
    retry, dead = by_kind(events, "retry"), by_kind(events, "dead")
    (message_id,) = story.groups["never"]
    assert retry | {"time": "", "data": retry["data"] | {"durationMs": 0}} == {
        "specversion": "1.0",
        "id": f"{message_id}:0:1:retry",
        "source": f"/{events.prefix}",
        "type": "sendoff.retry",
        "subject": message_id,
        "time": "",
        "datacontenttype": "application/json",
        "data": {
            "customer": "default",
            "attempt": 1,
            "generation": 0,
            "statusCode": 500,
            "errorClass": "status",
            "durationMs": 0,
        },
    }
    assert dead["data"] == {
        "customer": "default",
        "attempt": 3,
        "generation": 0,
        "statusCode": 500,
        "errorClass": "status",
        "reason": "exhausted",
    }


def by_kind(events: EventLog, kind: str) -> dict[str, Any]:
    """The first event of a kind that arrived."""
    return next(event for event in events.arrived if event["type"] == f"sendoff.{kind}")


async def test_switched_off_nothing_is_recorded_or_published(
    launch: Launcher, events: EventLog, api: Client, receiver: Receiver, sendoff_database: str
) -> None:
    launch.environment["SENDOFF_EVENTS__ENABLED"] = "false"
    story = Story(api, receiver)
    launch.ingest()
    launch.worker()
    story.send("after two failures", 20)
    await story.at_end("sent", "after two failures")
    assert not await events.exist()
    with psycopg.connect(sendoff_database) as connection:
        for table in ("deliveries", "attempts"):
            found = connection.execute(f"SELECT count(*), count(event_position) FROM {table}".encode()).fetchone()
            assert found is not None
            assert found[0] >= 20
            assert found[1] == 0
        assert connection.execute("SELECT holder, system_identifier FROM event_cursor").fetchone() == (None, None)
