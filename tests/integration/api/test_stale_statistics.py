"""A page of a list reads its own rows and no others, also where statistics are older than what is searched for."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from integration.api.plans import forbid_autovacuum, rows_read
from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_http.dead_letters import list as dead_letters
from sendoff_http.messages import list_retries, search
from support.api import Api

_MANY = 10_000
#: A search looks at more than a page; all others read a page, one more, and the customer.
_MOST_READ = 60
_DEAD = b"""
INSERT INTO dead_letters (message_id, customer_id, recipient, payload, deliver_at, created_at, dead_at, reason,
                          attempts, generation, token, history, incarnation, reference)
SELECT id, customer_id, recipient, payload, deliver_at, created_at, now(), 'expired', 1, 0, 1, '[]', incarnation,
       reference FROM messages ON CONFLICT DO NOTHING"""
_RETRIES = b"""
INSERT INTO retries (message_id, customer_id, next_attempt_at, attempts, generation, token, incarnation)
SELECT id, customer_id, clock_timestamp(), 1, 0, 2, incarnation FROM messages ON CONFLICT DO NOTHING"""


async def fill(api: Api, **fields: str) -> None:
    """Messages alike, each of which is also a dead letter and a retry."""
    items = [{"to": "a", "content": 1, "delay": "1h", **fields}] * _MANY
    assert (await api.post("/v1/messages/batch", items, checked=False)).status == 202
    for statement in (_DEAD, _RETRIES):
        await api.db.execute(statement)


def explained(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The plans of the statements that lists run from now on, each as PostgreSQL makes it at that place."""
    plans: list[dict[str, Any]] = []

    def explaining(fetch: Callable[..., Awaitable[list[Any]]]) -> Callable[..., Awaitable[list[Any]]]:
        async def explain(
            connection: Connection, package: str, name: str, values: dict[str, Any], **options: Any
        ) -> list[Any]:
            statement = b"EXPLAIN (ANALYZE, FORMAT json) " + read_statement(package, name)
            ((found,),) = await (await connection.execute(statement, values)).fetchall()
            plans.append(found[0]["Plan"])
            return await fetch(connection, package, name, values, **options)

        return explain

    for module, name in ((search, "fetch_all"), (dead_letters, "fetch_all_as"), (list_retries, "fetch_all")):
        monkeypatch.setattr(module, name, explaining(getattr(module, name)))
    return plans


async def test_a_page_of_what_came_after_the_statistics_reads_no_more_rows_than_it_has(
    api: Api, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    await forbid_autovacuum(api)
    monkeypatch.setattr(search, "_SEARCHED_OF_CUSTOMER", 51)
    await fill(api)
    await api.db.execute(b"ANALYZE messages, dead_letters, retries")
    await api.post("/v1/customers", {"id": "acme", "webhookUrl": "https://93.184.216.34/"})
    await fill(api, to="bob", customer="acme", reference="r1")
    plans = explained(monkeypatch)
    for path in (
        "/v1/messages?reference=r1",
        "/v1/messages?reference=r1&status=dead",
        "/v1/messages?customer=acme",
        "/v1/messages?customer=acme&to=bob",
        "/v1/dead-letters?reference=r1",
        "/v1/dead-letters?to=bob",
        "/v1/dead-letters?customer=acme",
        "/v1/retries?customer=acme",
    ):
        with subtests.test(path=path):
            plans.clear()
            assert (await api.get(path)).status == 200
            assert [51 <= rows_read(plan) <= _MOST_READ for plan in plans] == [True], plans
