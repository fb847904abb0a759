"""What a message says is in its events where the settings want it there, up to a size."""

from typing import Any

from aiohttp import web

from support.client import Client
from support.event_log import EventLog
from support.instances import Launcher
from support.receiver import Receiver, running_receiver
from support.waiting import eventually
from support.whole_sendoff import add_customer


def data_of(found: list[dict[str, Any]], message_id: str) -> list[dict[str, Any]]:
    """The data of the events of a message."""
    return [event["data"] for event in found if event["subject"] == message_id]


async def test_events_have_the_content_up_to_a_size_where_it_is_wanted(
    launch: Launcher, events: EventLog, api: Client, receiver: Receiver
) -> None:
    launch.environment |= {"SENDOFF_EVENTS__CONTENT": "true", "SENDOFF_EVENTS__CONTENT_LIMIT": "2000"}
    receiver.script = lambda got: web.json_response({}, status=500 if got.message["to"] == "dead" else 200)
    deep: Any = 1
    for _ in range(99):  # as deep as a message may be
        deep = [deep]
    launch.worker()
    launch.ingest()
    await eventually(events.exist, "the streams are there")
    with running_receiver() as theirs:
        add_customer(api, theirs, "default-events", eventsOf="default")
        items = [
            {"to": "sent", "content": {"n": 1.5, "text": "é"}},
            {"to": "dead", "content": "why", "reference": "r1"},
        ]
        items += [{"to": "large", "content": "x" * 3000, "reference": "r2"}, {"to": "deep", "content": deep}]
        answer = api.call("POST", "/v1/messages/batch", items)
        sent, dead, large, nested = (item["id"] for item in answer.body["data"])
        await events.holds(3 + 3)
        await eventually(lambda: len(theirs.received) >= 6, "the webhook has them, too")
        for found in (events.arrived, [one.message["content"] for one in theirs.received]):
            assert [one["content"] for one in data_of(found, sent)] == [{"n": 1.5, "text": "é"}]
            assert [one["content"] for one in data_of(found, dead)] == ["why"] * 3
            references = [one.get("reference") for name in (sent, dead, large) for one in data_of(found, name)]
            assert references == [None, "r1", "r1", "r1", "r2"]
            assert [one.get("contentOmitted") for one in data_of(found, large)] == [True]
            assert "content" not in data_of(found, large)[0]
        assert data_of(events.arrived, nested)[0]["content"] == deep
        assert data_of([one.message["content"] for one in theirs.received], nested)[0]["contentOmitted"] is True
