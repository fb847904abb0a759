"""GET /v1/messages: filters, pages, and that no query reads a whole table."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from sendoff_db.sql import read_statement
from sendoff_http.web.pagination import FIRST_ID, LAST_ID
from support.api import Api
from support.places import bury, claim, deliver, fail, retry_later

_CUSTOMER = b"""
INSERT INTO customers (id, name, timeout_ms, connect_timeout_ms, retry) VALUES ('acme', 'Acme', 1000, 1000, '{}')
"""


async def listed(api: Api, query: str = "") -> list[str]:
    """The recipients of one page."""
    reply = await api.get(f"/v1/messages?{query}")
    assert reply.status == 200
    return [message["to"] for message in reply.json["data"]]


async def all_pages(api: Api, query: str) -> list[str]:
    """The recipients of all pages, whatever their sizes."""
    seen: list[str] = []
    cursor = ""
    while True:
        # Large pages are not held against the document: that takes far longer than the page.
        page = (await api.get(f"/v1/messages?{query}{cursor}", checked="limit=250" not in query)).json
        seen += [message["to"] for message in page["data"]]
        if page["nextCursor"] is None:
            return seen
        cursor = f"&cursor={page['nextCursor']}"


@pytest.fixture
async def one_of_each(api: Api) -> Api:
    """A message in each place, named after its status; the oldest first."""
    await api.db.execute(_CUSTOMER)
    moves: dict[str, Any] = {
        "scheduled": None,
        "sending": claim,
        "retrying": fail,
        "retrying later": retry_later,
        "sent": deliver,
        "dead": bury,
        "cancelled": None,
    }
    for name, move in moves.items():
        message = await api.create(to=name, delay="1m", customer="acme" if name in ("sent", "dead") else "default")
        if move is not None:
            await move(api.db, message)
        if name == "cancelled":
            await api.call("DELETE", f"/v1/messages/{message['id']}")
    return api


async def test_without_a_filter_everything_is_listed_newest_first(one_of_each: Api) -> None:
    wanted = ["cancelled", "dead", "sent", "retrying later", "retrying", "sending", "scheduled"]
    assert await listed(one_of_each) == wanted
    assert await all_pages(one_of_each, "limit=2") == wanted


async def test_every_filter_narrows_the_list(one_of_each: Api, subtests: pytest.Subtests) -> None:
    for query, wanted in {
        "status=scheduled": ["scheduled"],
        "status=sending": ["sending"],
        "status=retrying": ["retrying later", "retrying"],
        "status=sent": ["sent"],
        "status=dead": ["dead"],
        "status=cancelled": ["cancelled"],
        "customer=acme": ["dead", "sent"],
        "customer=acme&status=dead": ["dead"],
        "customer=acme&status=sent": ["sent"],
        "customer=default&status=scheduled": ["scheduled"],
        "customer=acme&status=scheduled": [],
        "customer=default&status=dead": [],
        "to=sent": ["sent"],
        "to=sent&status=dead": [],
        "to=retrying%20later": ["retrying later"],
        "sentAfter=2020-01-01T00:00:00Z": ["sent"],
        "sentAfter=2020-01-01T00:00:00%2B01:00&sentBefore=2042-01-01T00:00:00+01:00": ["sent"],
        "sentBefore=2020-01-01T00:00:00Z": [],
        "sentAfter=2020-01-01T00:00:00Z&status=dead": [],
        "createdAfter=2042-01-01T00:00:00Z": [],
        "createdBefore=2020-01-01T00:00:00Z": [],
        "createdAfter=1815-01-01T00:00:00Z&status=dead": ["dead"],
    }.items():
        with subtests.test(query=query):
            assert await listed(one_of_each, query) == wanted
            assert await all_pages(one_of_each, f"{query}&limit=1") == wanted


async def test_a_time_of_creation_is_a_half_open_range(api: Api) -> None:
    messages = []
    for number in range(3):
        messages.append(await api.create(to=f"n{number}"))
        await asyncio.sleep(0.002)  # the next id gets another millisecond
    start, end = messages[1]["createdAt"], messages[2]["createdAt"]
    assert await listed(api, f"createdAfter={start}") == ["n2", "n1"]
    assert await listed(api, f"createdAfter={start}&createdBefore={end}") == ["n1"]
    assert await listed(api, f"createdAfter={start[:-2]}1Z") == ["n2"]


async def test_a_page_goes_on_where_it_ended_whatever_is_new(api: Api) -> None:
    for number in range(4):
        await api.create(to=f"n{number}")
    first = (await api.get("/v1/messages?limit=2")).json
    await api.create(to="new")
    assert await listed(api, f"limit=2&cursor={first['nextCursor']}") == ["n1", "n0"]


async def test_a_query_that_makes_no_sense_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for query, parameter in {
        "limit=0": "?limit",
        "limit=251": "?limit",
        "limit=x": "?limit",
        "status=lost": "?status",
        "cursor=AAAA": "?cursor",
        "cursor=%F0": "?cursor",
        "createdAfter=2042-01-01T00:00:00": "?createdAfter",
        "state=sent": "?state",
        "to=a&to=b": "?to",
        "to=%00": "?to",
        "customer=%C3%BC": "?customer",
    }.items():
        with subtests.test(query=query):
            reply = await api.get(f"/v1/messages?{query}")
            assert (reply.status, reply.pointers) == (422, [parameter])


async def test_a_cursor_of_another_list_is_refused(api: Api) -> None:
    for _ in range(2):
        await bury(api.db, await api.create())
    cursor = (await api.get("/v1/dead-letters?limit=1")).json["nextCursor"]
    assert (await api.get(f"/v1/messages?cursor={cursor}")).status == 422


async def fill(api: Api, number: int) -> None:
    """Messages spread over all places, most of them sent; made inside the database."""
    first = "(extract(epoch FROM date_trunc('day', now())) * 1000)::bigint"
    identifier = f"(lpad(to_hex({first} + n / 10), 12, '0') || '7000' || '8' || lpad(to_hex(n), 15, '0'))::uuid"
    statements = [
        f"""CREATE UNLOGGED TABLE given AS
            SELECT n, {identifier} AS id, 'c' || n % 20 AS customer_id FROM generate_series(1, {number}) AS n""",
        """INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, created_at)
           SELECT id, customer_id, 'r' || n % 5000, '{"id":"x","to":"x","content":"x","metadata":{}}', now(), now()
             FROM given""",
        """INSERT INTO due (message_id, customer_id, due_at, visible_at)
           SELECT id, customer_id, now() + n * interval '1 s', now() + n * interval '1 s'
             FROM given WHERE n % 10 = 0""",
        """INSERT INTO deliveries (message_id, customer_id, generation, token, attempts, due_at, created_at, sent_at,
                                   status_code, duration_us)
           SELECT id, customer_id, 0, 1, 1, now(), now(), now(), 200, 1 FROM given WHERE n % 10 NOT IN (0, 1)""",
        """INSERT INTO dead_letters (message_id, customer_id, recipient, payload, deliver_at, created_at, dead_at,
                                     reason, attempts, generation, token, history)
           SELECT id, customer_id, 'r' || n % 5000, '{"id":"x","to":"x","content":"x","metadata":{}}', now(), now(),
                  now(), 'exhausted', 8, 0, 9, '[]' FROM given WHERE n % 10 = 1 AND n % 20 < 10""",
        """INSERT INTO retries (message_id, customer_id, next_attempt_at, attempts, generation, token)
           SELECT id, customer_id, now() + n * interval '1 s', 1, 0, 2 FROM given WHERE n % 10 = 1 AND n % 20 >= 10""",
        "ANALYZE",
    ]
    for statement in statements:
        await api.db.execute(statement.encode())


def scanned_whole(plan: dict[str, Any]) -> list[str]:
    """The tables that a plan reads from end to end."""
    own = [plan["Relation Name"]] if plan["Node Type"] == "Seq Scan" else []
    return own + [name for inner in plan.get("Plans", []) for name in scanned_whole(inner)]


async def test_no_list_reads_a_whole_table(api: Api, subtests: pytest.Subtests) -> None:
    await fill(api, 200_000)
    ids = [one for (one,) in await (await api.db.execute(b"SELECT id FROM given ORDER BY id DESC LIMIT 51")).fetchall()]
    given = {"low": FIRST_ID, "high": LAST_ID, "chunk": 51, "enough": 51, "limit": 51, "ids": ids, "id": ids[0]}
    given |= {"after": FIRST_ID, "moment": datetime.now(UTC), "status": "sent", "customer": "c7", "recipient": "r7"}
    given |= {"reference": "x", "patterns": ["%x%"]}
    given |= {"sent_from": datetime(2020, 1, 1, tzinfo=UTC), "sent_until": None, "reason": None}
    for package, name in [
        ("messages", "scan_messages"),
        ("messages", "scan_customer"),
        ("messages", "search_messages"),
        ("messages", "search_messages_of_customer"),
        ("messages", "scan_reference"),
        ("messages", "scan_dead_reference"),
        ("messages", "scan_scheduled"),
        ("messages", "scan_sending"),
        ("messages", "scan_retrying"),
        ("messages", "scan_sent"),
        ("messages", "scan_dead"),
        ("messages", "scan_cancelled"),
        ("messages", "list_retries"),
        ("messages", "list_attempts"),
        ("dead_letters", "list_dead_letters"),
        ("dead_letters", "list_dead_letters_of_reference"),
        ("dead_letters", "list_dead_letters_of_recipient"),
        ("dead_letters", "read_dead_letter"),
        ("", "load_messages"),
    ]:
        with subtests.test(statement=name):
            owner = "sendoff_intake" if package == "" else f"sendoff_http.{package}"
            statement = read_statement(owner, name)
            cursor = await api.db.execute(b"EXPLAIN (FORMAT json) " + statement, given)
            ((plans,),) = await cursor.fetchall()
            large = {"messages", "deliveries", "due", "retries", "dead_letters"}
            whole = [table for table in scanned_whole(plans[0]["Plan"]) if table.split("_2")[0] in large]
            empty = [table for table in whole if not await api.scalar(f"SELECT EXISTS (SELECT FROM {table})")]
            assert set(whole) <= set(empty), whole


async def test_a_large_database_is_listed_like_a_small_one(api: Api) -> None:
    await fill(api, 20_000)
    everything = await all_pages(api, "limit=250&createdBefore=2042-01-01T00:00:00Z")
    assert len(everything) == 20_000
    assert len(await all_pages(api, "limit=250&status=dead")) == 1_000
    assert len(await all_pages(api, "limit=250&status=scheduled&customer=c10")) == 1_000
    assert len(await all_pages(api, "limit=250&status=retrying&customer=c11")) == 1_000
    assert len(await all_pages(api, "limit=250&status=retrying&customer=c1")) == 0
    assert len(await all_pages(api, "limit=250&to=r7")) == 4


async def test_a_recipient_is_found_wherever_it_is(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """In several steps and pages: its messages are far apart, at the edges of steps, or all that there is."""
    await fill(api, 3_000)
    for steps in ("_SEARCHED", "_SEARCHED_OF_CUSTOMER"):
        monkeypatch.setattr(f"sendoff_http.messages.search.{steps}", 7)
    await api.db.execute(b"UPDATE messages SET recipient = 'many' WHERE recipient ~ '[05]$'")
    for query, count in {
        "to=r1234": 1,
        "to=r1": 1,
        "to=r3000": 0,
        "to=many": 600,
        "to=many&customer=c10": 150,
        "to=many&status=scheduled": 300,
        "to=many&status=sent&sentAfter=2020-01-01T00:00:00Z": 300,
        "to=many&sentBefore=2020-01-01T00:00:00Z": 0,
    }.items():
        assert len(await all_pages(api, f"limit=250&{query}")) == count, query
    assert len(await all_pages(api, "limit=7&to=many&customer=c10")) == 150
