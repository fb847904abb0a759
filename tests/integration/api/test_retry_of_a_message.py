"""A message's own retry strategy: accepted, shown wherever the message is, and kept for a resend."""

from typing import Any

import pytest

from sendoff_domain.presets import PRESETS
from support.api import Api
from support.places import bury, deliver, retry_later, uuid_of

GOOD = {"to": "jane", "content": "hello"}
OWN = {"waits": ["1s", "1m30s"], "jitter": 0.0}
LINES = {"Content-Type": "application/x-ndjson"}

#: What is sent in, and what is kept of it.
ACCEPTED: list[tuple[Any, Any]] = [
    (None, None),
    ({}, {}),
    (OWN, OWN),
    ({"waits": ["100ms", "90s"]}, {"waits": ["100ms", "1m30s"]}),
    ({"attempts": 3, "factor": 1}, {"attempts": 3, "factor": 1.0}),
    ({"waits": ["1s"] * 100}, {"waits": ["1s"] * 100}),
    ("quick", {"waits": list(PRESETS["quick"]["waits"])}),
    ("once", {"attempts": 1}),
]


async def test_a_strategy_or_the_name_of_a_preset_is_accepted_and_shown(api: Api, subtests: pytest.Subtests) -> None:
    for sent, kept in ACCEPTED:
        with subtests.test(sent=str(sent)[:60]):
            message = await api.create(retry=sent)
            assert message["retry"] == kept
            assert (await api.get(f"/v1/messages/{message['id']}")).json == message


async def test_a_message_without_one_has_its_customers(api: Api) -> None:
    message = await api.create()
    assert message["retry"] is None
    assert await api.scalar("SELECT retry IS NULL FROM messages")


REFUSED: list[tuple[Any, str, str]] = [
    ("eager", "/retry", "expected one of standard, quick, patient, once"),
    (5, "/retry", "expected one of standard, quick, patient, once"),
    (["1s"], "/retry", "expected one of standard, quick, patient, once"),
    ({"attempts": 0}, "/retry/attempts", "greater than or equal to 1"),
    ({"attempts": 1001}, "/retry/attempts", "less than or equal to 1000"),
    ({"attempts": True}, "/retry/attempts", "not yes or no"),
    ({"attempts": 1.5}, "/retry/attempts", "integer"),
    ({"first": "0s"}, "/retry/first", "longer than zero"),
    ({"first": 5}, "/retry/first", "duration"),
    ({"max": "99999d"}, "/retry/max", "10 years"),
    ({"factor": 0.5}, "/retry/factor", "greater than or equal to 1"),
    ({"jitter": -0.1}, "/retry/jitter", "greater than or equal to 0"),
    ({"waits": []}, "/retry/waits", "at least 1"),
    ({"waits": ["1s", "soon"]}, "/retry/waits/1", "duration"),
    ({"waits": ["1s"] * 101}, "/retry", "at most 100 waits, got 101"),
    ({"waits": ["1s"], "attempts": 2}, "/retry", "either waits or attempts"),
    ({"attemps": 3}, "/retry/attemps", "did you mean attempts?"),
    ({"preset": "quick"}, "/retry/preset", "known are attempts, first, factor, max, jitter, waits"),
]


async def test_a_strategy_that_makes_no_sense_is_refused_with_its_place(api: Api, subtests: pytest.Subtests) -> None:
    for retry, pointer, says in REFUSED:
        with subtests.test(retry=str(retry)[:60]):
            reply = await api.post("/v1/messages", GOOD | {"retry": retry})
            assert (reply.status, reply.json["code"], reply.pointers) == (422, "invalid", [pointer])
            assert says in reply.json["errors"][0]["detail"]
    assert await api.count("messages") == 0


@pytest.mark.parametrize("as_lines", [False, True])
async def test_each_item_of_a_batch_has_its_own(api: Api, as_lines: bool) -> None:
    items = [GOOD, GOOD | {"retry": OWN}, GOOD | {"retry": "eager"}, GOOD | {"retry": "once"}, GOOD | {"retry": None}]
    if as_lines:
        body = b"\n".join(str(item).replace("'", '"').replace("None", "null").encode() for item in items)
        reply = await api.post("/v1/messages/batch", data=body, headers=LINES)
    else:
        reply = await api.post("/v1/messages/batch", items)
    first, second, bad, third, last = reply.json["data"]
    assert bad["error"]["errors"][0]["pointer"] == "/retry"
    shown = [(await api.get(f"/v1/messages/{item['id']}")).json["retry"] for item in (first, second, third, last)]
    assert shown == [None, OWN, {"attempts": 1}, None]


async def test_a_key_tells_bodies_with_different_strategies_apart(api: Api) -> None:
    key, body = {"Idempotency-Key": "order-17"}, GOOD | {"retry": OWN}
    first = await api.post("/v1/messages", body, headers=key)
    again = await api.post("/v1/messages", {"retry": dict(reversed(OWN.items())), **GOOD}, headers=key)
    assert (first.status, again.json, again.headers["Idempotency-Replayed"]) == (202, first.json, "true")
    assert first.json["retry"] == OWN
    for other in (GOOD, GOOD | {"retry": "once"}, GOOD | {"retry": OWN | {"jitter": 0.5}}):
        reply = await api.post("/v1/messages", other, headers=key)
        assert (reply.status, reply.json["code"]) == (422, "idempotency_key_reused")
    assert (await api.get(first.headers["Location"])).json == first.json
    assert await api.count("messages") == 1


async def test_a_resend_keeps_it(api: Api) -> None:
    sent, dead = await api.create(retry=OWN), await api.create(retry="once")
    await deliver(api.db, sent)
    await bury(api.db, dead)
    for message in (sent, dead):
        reply = await api.post(f"/v1/messages/{message['id']}/resend")
        assert (reply.status, reply.json["retry"]) == (202, message["retry"])


async def test_a_dead_letter_brings_it_back_although_its_message_is_gone(api: Api) -> None:
    message, plain = await api.create(retry=OWN), await api.create()
    for one in (message, plain):
        await bury(api.db, one)
    names = await api.db.execute(
        b"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'messages'::regclass"
    )
    for (name,) in await names.fetchall():
        await api.db.execute(f"DROP TABLE {name}".encode())
    for one in (message, plain):
        path = f"/v1/dead-letters/{one['id']}"
        assert (await api.get(path)).json["retry"] == one["retry"]
        assert (await api.get(f"/v1/messages/{one['id']}")).json["retry"] == one["retry"]
        assert (await api.post(path + "/resend")).json["retry"] == one["retry"]
    stored = await api.scalar("SELECT retry FROM messages WHERE id = %s", uuid_of(message))
    assert stored == OWN
    assert await api.scalar("SELECT retry IS NULL FROM messages WHERE id = %s", uuid_of(plain))


async def test_lists_show_it(api: Api) -> None:
    waiting, dead = await api.create(retry=OWN), await api.create(retry="once")
    await retry_later(api.db, waiting)
    await bury(api.db, dead)
    messages = (await api.get("/v1/messages")).json["data"]
    assert {one["id"]: one["retry"] for one in messages} == {waiting["id"]: OWN, dead["id"]: {"attempts": 1}}
    (letter,) = (await api.get("/v1/dead-letters")).json["data"]
    assert letter["retry"] == {"attempts": 1}
