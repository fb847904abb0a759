"""POST /v1/messages: what is accepted, and that 202 means stored."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from support.api import Api


async def test_a_message_is_stored_before_it_is_answered(api: Api) -> None:
    reply = await api.post("/v1/messages", {"to": "jane", "content": {"a": [1, "ü"]}, "metadata": {"k": "v"}})
    assert reply.status == 202
    message = reply.json
    assert reply.headers["Location"] == f"/v1/messages/{message['id']}"
    assert (message["customer"], message["to"], message["status"]) == ("default", "jane", "scheduled")
    assert (message["content"], message["metadata"]) == ({"a": [1, "ü"]}, {"k": "v"})
    assert await api.count("due") == 1
    read = await api.get(reply.headers["Location"])
    assert read.json == message


async def test_a_message_without_a_time_is_due_now_by_the_databases_clock(api: Api) -> None:
    before = await api.scalar("SELECT clock_timestamp()")
    message = await api.create()
    after = await api.scalar("SELECT clock_timestamp()")
    assert before <= datetime.fromisoformat(message["deliverAt"]) <= after


async def test_a_machine_whose_clock_is_hours_off_stores_under_the_databases_time(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 100 * 3600)
    before = await api.scalar("SELECT clock_timestamp()")
    message = await api.create()
    created = datetime.fromisoformat(message["createdAt"])
    assert before - timedelta(seconds=60) < created <= await api.scalar("SELECT clock_timestamp()")
    table = await api.scalar("SELECT tableoid::regclass::text FROM messages")
    assert table == f"messages_{created:%Y%m%d}0000_{created + timedelta(days=1):%Y%m%d}0000"


async def test_a_past_time_means_now(api: Api) -> None:
    before = await api.scalar("SELECT clock_timestamp()")
    message = await api.create(deliverAt="2020-01-01T00:00:00Z")
    assert datetime.fromisoformat(message["deliverAt"]) >= before
    assert await api.scalar("SELECT due_at = visible_at AND due_at >= %s FROM due", before)


async def test_a_future_time_is_kept_in_utc(api: Api) -> None:
    message = await api.create(deliverAt="2042-05-01T12:00:00.123456+02:00", expiresAt="2042-05-01T10:00:01Z")
    assert message["deliverAt"] == "2042-05-01T10:00:00.123456Z"
    assert message["expiresAt"] == "2042-05-01T10:00:01.000000Z"


async def test_a_delay_counts_from_the_databases_now(api: Api) -> None:
    message = await api.create(delay="1h30m")
    lead = datetime.fromisoformat(message["deliverAt"]) - await api.scalar("SELECT clock_timestamp()")
    assert timedelta(minutes=89) < lead <= timedelta(minutes=90)


async def test_the_creation_time_is_the_ids_own_millisecond(api: Api) -> None:
    message = await api.create()
    created = datetime.fromtimestamp(int(message["id"][4:16], 16) / 1000, UTC)
    shown = datetime.fromisoformat(message["createdAt"])
    assert abs(shown - created) < timedelta(milliseconds=1)
    assert shown.microsecond % 1000 == 0


CONTENTS = ["text", "", 0, None, True, [], {"": ""}, 1.5, 2**70, "\x00 and 😀", "x" * 65536]


async def test_any_json_is_a_content_and_comes_back_as_it_was(api: Api, subtests: pytest.Subtests) -> None:
    for content in CONTENTS:
        with subtests.test(content=str(content)[:20]):
            message = await api.create(content=content)
            assert message["content"] == content
            assert (await api.get(f"/v1/messages/{message['id']}")).json["content"] == content


async def test_many_at_once_are_each_stored_once(api: Api) -> None:
    replies = await asyncio.gather(*(api.create(to=f"n{number}") for number in range(300)))
    assert len({reply["id"] for reply in replies}) == 300
    assert await api.count("due") == await api.count("messages") == 300
    assert {reply["to"] for reply in replies} == {f"n{number}" for number in range(300)}


async def test_a_missing_partition_is_made_on_the_way(api: Api) -> None:
    partitions = await api.db.execute(
        b"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'messages'::regclass"
    )
    for (name,) in await partitions.fetchall():
        await api.db.execute(f"DROP TABLE {name}".encode())
    await api.create()
    assert await api.count("messages") == 1


async def test_what_means_something_to_postgres_is_just_text(api: Api, subtests: pytest.Subtests) -> None:
    for text in ("NULL", '","', "{}", "\\", '"\\"', "a,b", "  ", "\n", "'; DROP TABLE due; --", "😀", "%s %(x)s"):
        with subtests.test(text=text):
            message = await api.create(to=text, content=text, metadata={text: text})
            read = (await api.get(f"/v1/messages/{message['id']}")).json
            assert (read["to"], read["content"], read["metadata"]) == (text, text, {text: text})


async def test_a_delay_is_exact_to_the_microsecond_of_its_text(api: Api) -> None:
    message = await api.create(delay="1h0.25s")
    lead = await api.scalar("SELECT (due_at - %s::timestamptz) FROM due", message["createdAt"])
    assert timedelta(hours=1, milliseconds=250) <= lead < timedelta(hours=1, seconds=30)
