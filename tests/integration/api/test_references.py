"""`reference`: the sender's own id of a message, which leads to it wherever it is."""

import json
from typing import Any

import pytest

from integration.api.plans import forbid_autovacuum, rows_read
from sendoff_db.sql import read_statement
from sendoff_http.messages.search import KIND
from sendoff_http.web.pagination import FIRST_ID, LAST_ID, decode_cursor
from support.api import Api, api_settings, running_api
from support.places import bury, deliver

QUOTED = 'order "4711" \\ ü'
SECRET = "the-secret-of-the-test-{}".format
KEYS = [
    {"name": "root", "secret": SECRET("root"), "role": "admin"},
    {"name": "bound", "secret": SECRET("bound"), "role": "admin", "customer": "acme"},
]

_OWN = b"SELECT id FROM messages WHERE customer_id = 'acme'"


async def found(api: Api, query: str, path: str = "/v1/messages") -> list[str]:
    """The recipients of all pages."""
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await api.get(f"{path}?{query}{cursor}")).json
        seen += [one["to"] for one in page["data"]]
        if page["nextCursor"] is None:
            return seen
        cursor = f"&cursor={page['nextCursor']}"


async def test_a_reference_comes_back_and_is_not_sent_along(api: Api) -> None:
    message = await api.create(reference=QUOTED, metadata={"a": '"'})
    assert message["reference"] == QUOTED
    assert (await api.get(f"/v1/messages/{message['id']}")).json == message
    assert json.loads(await api.scalar("SELECT payload FROM messages")).keys() == {"id", "to", "content", "metadata"}
    for body in ({}, {"reference": None}, {"retry": "quick", "reference": QUOTED}):  # these go the long way
        assert (await api.create(**body))["reference"] == body.get("reference")


async def test_a_batch_takes_references(api: Api) -> None:
    items: list[dict[str, Any]] = [{"to": "a", "content": 1, "reference": "r1"}, {"to": "b", "content": 1}]
    assert (await api.post("/v1/messages/batch", items)).status == 202
    lines = b"".join(json.dumps({"to": to, "content": 1, "reference": "r1"}).encode() + b"\n" for to in "cd")
    await api.post("/v1/messages/batch", data=lines, headers={"Content-Type": "application/x-ndjson"})
    assert sorted(await found(api, "reference=r1")) == ["a", "c", "d"]


async def test_the_same_key_with_another_reference_is_another_body(api: Api) -> None:
    body, headers = {"to": "a", "content": 1, "reference": "r1"}, {"Idempotency-Key": "k"}
    first = await api.post("/v1/messages", body, headers=headers)
    again = await api.post("/v1/messages", body, headers=headers)
    assert (again.json, again.headers["Idempotency-Replayed"]) == (first.json, "true")
    other = await api.post("/v1/messages", {**body, "reference": "r2"}, headers=headers)
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert await found(api, "reference=r2") == []


async def test_messages_are_found_by_their_reference(api: Api, subtests: pytest.Subtests) -> None:
    await api.post("/v1/customers", {"id": "acme", "webhookUrl": "https://93.184.216.34/"})
    for number in range(3):
        await api.create(to=f"n{number}", reference="r1")
    await api.create(to="theirs", reference="r1", customer="acme")
    await api.create(to="other", reference="r1 ")
    await deliver(api.db, await api.create(to="sent", reference="r1"))
    await bury(api.db, await api.create(to="dead", reference="r1"))
    everything = ["dead", "sent", "theirs", "n2", "n1", "n0"]
    for query, wanted in {
        "": everything,
        "&customer=acme": ["theirs"],
        "&customer=default": ["dead", "sent", "n2", "n1", "n0"],
        "&status=sent": ["sent"],
        "&status=dead": ["dead"],
        "&status=dead&customer=acme": [],
        "&status=scheduled&to=n1": ["n1"],
        "&sentBefore=2020-01-01T00:00:00Z": [],
        "&createdAfter=2042-01-01T00:00:00Z": [],
    }.items():
        with subtests.test(query=query):
            assert await found(api, f"reference=r1{query}") == wanted
            assert await found(api, f"limit=1&reference=r1{query}") == wanted
    assert await found(api, "reference=r1%20") == ["other"]
    assert await found(api, "reference=R1") == []


async def test_a_dead_letter_keeps_its_reference_and_gives_it_back(api: Api) -> None:
    message = await api.create(reference="r1")
    for one in (message, await api.create(reference="r2"), await api.create()):
        await bury(api.db, one)
    letter = (await api.get("/v1/dead-letters?reference=r1")).json["data"]
    assert [(one["id"], one["reference"]) for one in letter] == [(message["id"], "r1")]
    assert await found(api, "reference=r1&customer=other", "/v1/dead-letters") == []
    assert await found(api, "limit=1&reason=exhausted&reference=r1", "/v1/dead-letters") == ["someone"]
    await api.db.execute(b"DELETE FROM messages")  # as the retention does
    assert (await api.get(f"/v1/dead-letters/{message['id']}")).json["reference"] == "r1"
    assert (await api.get(f"/v1/messages/{message['id']}")).json["reference"] == "r1"
    assert await found(api, "reference=r1&status=dead") == ["someone"]
    resent = await api.post(f"/v1/dead-letters/{message['id']}/resend")
    assert (resent.json["status"], resent.json["reference"]) == ("scheduled", "r1")
    assert await found(api, "reference=r1&status=scheduled") == ["someone"]


async def test_what_is_no_reference_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for wrong in ("", "x" * 129, "a\nb", "a\x00", "a\n", "\x7f", 4711, ["a"]):
        with subtests.test(reference=wrong):
            reply = await api.post("/v1/messages", {"to": "a", "content": 1, "reference": wrong})
            assert (reply.status, reply.pointers) == (422, ["/reference"])
            if isinstance(wrong, str):
                for path in ("/v1/messages", "/v1/dead-letters"):
                    query = await api.get(path, params={"reference": wrong})
                    assert (query.status, query.pointers) == (422, ["?reference"])
    assert (await api.create(reference="ü" * 128))["reference"] == "ü" * 128


async def test_a_bound_key_finds_its_own_and_learns_no_id_of_others(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sendoff_http.messages.search._BUDGET_SECONDS", 0.0)
    root, bound = ({"Authorization": f"Bearer {SECRET(name)}"} for name in ("root", "bound"))
    async with running_api(api_settings(database, http={"apiKeys": KEYS})) as api:
        await api.post("/v1/customers", {"id": "acme", "webhookUrl": "https://93.184.216.34/"}, headers=root)
        items = [{"to": "foreign", "content": 1, "reference": "r1", "delay": "1h"} for _ in range(20)]
        mine = [{**items[0], "to": "mine", "customer": "acme"}]
        for batch in (mine, items[:10], mine, items[10:]):
            assert (await api.post("/v1/messages/batch", batch, headers=root)).status == 202
        own = {one for (one,) in await (await api.db.execute(_OWN)).fetchall()}
        seen, cursor = [], ""
        for _ in range(4):
            page = (await api.get(f"/v1/messages?reference=r1&limit=1{cursor}", headers=bound)).json
            seen += [one["to"] for one in page["data"]]
            if page["nextCursor"] is None:
                break
            assert decode_cursor(KIND, page["nextCursor"])[0] in own
            cursor = f"&cursor={page['nextCursor']}"
        assert seen == ["mine", "mine"]
        assert page["nextCursor"] is None
        other = await api.get("/v1/messages?reference=r1&customer=default", headers=bound)
        assert other.json["data"] == []


@pytest.mark.parametrize("is_analyzed", [True, False])
async def test_a_search_for_a_reference_walks_its_index_with_and_without_statistics(
    api: Api, is_analyzed: bool
) -> None:
    await forbid_autovacuum(api)
    for reference, count in ((None, 10_000), ("r1", 10_000), ("r2", 1)):
        items = [{"to": "a", "content": 1, "delay": "1h", "reference": reference}] * count
        assert (await api.post("/v1/messages/batch", items, checked=False)).status == 202
    await api.db.execute(
        b"INSERT INTO dead_letters SELECT id, customer_id, recipient, payload, deliver_at, NULL,"
        b" created_at, NULL, now(), 'expired', 1, 0, 1, '', '[]', incarnation, NULL, reference"
        b" FROM messages"
    )
    if is_analyzed:
        await api.db.execute(b"ANALYZE messages, dead_letters")
    values = {"low": FIRST_ID, "high": LAST_ID, "chunk": 51, "limit": 51, "customer": None, "recipient": None}
    for package, name in (
        ("messages", "scan_reference"),
        ("messages", "scan_dead_reference"),
        ("dead_letters", "list_dead_letters_of_reference"),
    ):
        statement = b"EXPLAIN (ANALYZE, FORMAT json) " + read_statement(f"sendoff_http.{package}", name)
        for reference, most in (("r1", 51), ("r2", 1), ("none", 0)):
            cursor = await api.db.execute(statement, {**values, "reference": reference, "reason": None})
            ((plans,),) = await cursor.fetchall()
            assert rows_read(plans[0]["Plan"]) <= most, (name, reference, plans)


@pytest.mark.parametrize("is_analyzed", [False, True])
async def test_dead_letters_to_a_recipient_are_found_without_reading_those_to_others(
    api: Api, is_analyzed: bool
) -> None:
    await api.db.execute(
        b"INSERT INTO dead_letters (message_id, customer_id, recipient, payload, deliver_at, created_at, dead_at,"
        b" reason, attempts, generation, token, last_error, history, incarnation)"
        b" SELECT gen_random_uuid(), 'default', CASE WHEN n % 10 = 0 THEN 'bob' ELSE 'u' || n END, '{}', now(), now(),"
        b" now(), 'expired', 1, 0, 1, '', '[]', 0 FROM generate_series(1, 2000) AS n"
    )
    if is_analyzed:
        await api.db.execute(b"ANALYZE dead_letters")
    statement = read_statement("sendoff_http.dead_letters", "list_dead_letters_of_recipient")
    values = {"low": FIRST_ID, "high": LAST_ID, "limit": 51, "customer": None, "reason": None}
    for recipient, most in (("bob", 51), ("u7", 1), ("nobody", 0)):
        cursor = await api.db.execute(
            b"EXPLAIN (ANALYZE, FORMAT json) " + statement, {**values, "recipient": recipient}
        )
        ((plans,),) = await cursor.fetchall()
        assert rows_read(plans[0]["Plan"]) <= most, (recipient, plans)
