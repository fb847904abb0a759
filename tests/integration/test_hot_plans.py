"""How PostgreSQL runs the hot statements: by index alone, whatever its statistics say."""

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from sendoff_db.sql import read_statement

ROWS = 20_000
CLAIM = {
    "batch_size": 100,
    "horizon": timedelta(0),
    "holder": "one",
    "lease": timedelta(seconds=8),
    "customers": ["default"],
    "quotas": [100],
    "limited": [],
    "after": "",
    "most": 50,
    "steps": 1000,
}
#: What a claim runs on the messages that wait, and on the retries.
ON_DUE, ON_RETRIES = (
    ("sample_due", "count_due_by_customer", "claim_due", "reap_expired"),
    ("sample_due", "count_retries_by_customer", "claim_retries"),
)
#: A plan that walks a table of 20,000 rows, or joins row by row, touches more than this.
MOST_ROWS = 2_000


def fill_due(connection: "psycopg.Connection[Any]", due_in: str) -> None:
    """Rows in `due` that become due after an interval, in a table whose statistics say that it is empty."""
    connection.execute("ALTER TABLE due SET (autovacuum_enabled = off)")
    fill = (
        "INSERT INTO due (message_id, customer_id, due_at, visible_at)"
        " SELECT md5(n::text)::uuid, 'default', now() + %s::interval, now() + %s::interval"
        " FROM generate_series(1, %s) AS n"
    )
    connection.execute(fill, (due_in, due_in, ROWS))
    connection.execute("DELETE FROM due")
    connection.execute("VACUUM (TRUNCATE off) due")
    connection.execute("ANALYZE due")
    connection.execute(fill, (due_in, due_in, ROWS))


def rows_touched(connection: "psycopg.Connection[Any]", package: str, name: str, values: dict[str, Any]) -> int:
    """How many rows a statement's plan reads or throws away at most in one of its nodes, over all loops."""
    explain = b"EXPLAIN (ANALYZE, FORMAT JSON) " + read_statement(package, name)
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        row = connection.execute(explain, values).fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return _most(plan[0]["Plan"])


def _most(node: dict[str, Any]) -> int:
    removed = sum(node.get(key, 0) for key in ("Rows Removed by Filter", "Rows Removed by Join Filter"))
    own = int((node["Actual Rows"] + removed) * node["Actual Loops"])
    return max([own, *(_most(child) for child in node.get("Plans", ()))])


def held_values(connection: "psycopg.Connection[Any]") -> dict[str, Any]:
    """The ids and tokens of 100 messages, as a holder knows them."""
    rows = connection.execute("SELECT message_id, token FROM due LIMIT 100").fetchall()
    return {"ids": [row[0] for row in rows], "tokens": [row[1] for row in rows]}


@pytest.mark.parametrize("waits", ["1 hour", "0 s"])
@pytest.mark.parametrize("statement", ON_DUE)
def test_a_claim_looks_at_no_more_than_it_takes(sendoff_database: str, statement: str, waits: str) -> None:
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        fill_due(connection, waits)

        assert rows_touched(connection, "sendoff_actors.claimer", statement, CLAIM) <= MOST_ROWS


@pytest.mark.parametrize(
    "statement", ["count_due_by_customer", "claim_due", "count_retries_by_customer", "claim_retries"]
)
def test_a_claim_finds_a_small_customer_beside_a_large_one(sendoff_database: str, statement: str) -> None:
    """The statistics say that every message is the large one's, and its messages come first."""
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        for fill in (
            "INSERT INTO due (message_id, customer_id, due_at, visible_at)"
            " SELECT md5(n::text)::uuid, 'large', now() - interval '1 h', now() - interval '1 h'"
            " FROM generate_series(1, %s) AS n",
            "INSERT INTO retries (message_id, customer_id, next_attempt_at, attempts, generation, token)"
            " SELECT md5(n::text)::uuid, 'large', now() - interval '1 h', 1, 0, 1 FROM generate_series(1, %s) AS n",
        ):
            connection.execute(fill, (ROWS,))
        connection.execute("ANALYZE due, retries")
        customers = [f"small-{number}" for number in range(20)]
        values = CLAIM | {"customers": customers, "quotas": [5] * len(customers)}

        assert rows_touched(connection, "sendoff_actors.claimer", statement, values) <= MOST_ROWS


def test_claims_of_others_are_counted_by_index(sendoff_database: str) -> None:
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        fill_due(connection, "0 s")
        connection.execute("UPDATE due SET holder = 'one', visible_at = now() + interval '8 s'")
        counted = {"customers": ["default"]}

        assert rows_touched(connection, "sendoff_actors.claimer", "count_claimed", counted) <= MOST_ROWS
        assert rows_touched(connection, "sendoff_actors.claimer", "reap_expired", {}) <= MOST_ROWS


@pytest.mark.parametrize(
    ("package", "statement"),
    [
        ("sendoff_actors.sender", "record_sent"),
        ("sendoff_actors.sender", "renew_leases"),
        ("sendoff_actors", "release_unsent"),
    ],
)
def test_what_the_sender_writes_costs_as_much_as_it_holds(sendoff_database: str, package: str, statement: str) -> None:
    """All of it is claimed, of which the statistics know nothing: the index of leases must not be taken for the key."""
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        fill_due(connection, "0 s")
        connection.execute("UPDATE due SET holder = 'one', visible_at = now() + interval '8 s'")
        values = held_values(connection) | {
            "lease": timedelta(seconds=8),
            "created": [0.0] * 100,
            "sent": [connection.execute("SELECT extract(epoch FROM now())::float8").fetchall()[0][0]] * 100,
            "statuses": [200] * 100,
            "durations": [1] * 100,
            "external": [None] * 100,
        }

        assert rows_touched(connection, package, statement, values) <= MOST_ROWS


@pytest.mark.parametrize("statement", ON_RETRIES)
def test_a_claim_does_not_look_at_retries_that_are_not_due(sendoff_database: str, statement: str) -> None:
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        connection.execute("ALTER TABLE retries SET (autovacuum_enabled = off)")
        connection.execute(
            "INSERT INTO retries (message_id, customer_id, next_attempt_at, attempts, generation, token)"
            " SELECT md5(n::text)::uuid, 'default', now() + (n - 50) * interval '1 minute', 1, 0, 1"
            " FROM generate_series(1, %s) AS n",
            (ROWS,),
        )

        assert rows_touched(connection, "sendoff_actors.claimer", statement, CLAIM) <= MOST_ROWS


@pytest.mark.parametrize("statement", ["read_claim_limits", "claim_due", "claim_retries"])
def test_what_holds_back_a_few_customers_is_read_by_index(sendoff_database: str, statement: str) -> None:
    """All customers are paused and their breakers are open; the statistics say nothing of it."""
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        for table in ("customers", "breakers", "control_state"):
            connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)".encode())
        for fill in (
            "INSERT INTO customers (id, name, timeout_ms, connect_timeout_ms, retry)"
            " SELECT 'c' || n, 'x', 1, 1, '{}' FROM generate_series(1, 10000) AS n",
            "INSERT INTO breakers (customer_id, opened_at, probe_at)"
            " SELECT 'c' || n, now(), now() FROM generate_series(1, 10000) AS n",
            "INSERT INTO control_state (scope, desired) SELECT 'c' || n, 'stopped' FROM generate_series(1, 10000) AS n",
        ):
            connection.execute(fill)
        asked = CLAIM | {"customers": [f"c{number}" for number in range(20)], "quotas": [5] * 20}

        assert rows_touched(connection, "sendoff_actors.claimer", statement, asked) <= MOST_ROWS
        connection.execute("ANALYZE customers, breakers, control_state")
        assert rows_touched(connection, "sendoff_actors.claimer", statement, asked) <= MOST_ROWS


@pytest.mark.parametrize("after", ["", "c05000"])
def test_a_page_of_customers_costs_as_much_as_it_shows(sendoff_database: str, after: str) -> None:
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        connection.execute("ALTER TABLE customers SET (autovacuum_enabled = off)")
        connection.execute(
            "INSERT INTO customers (id, name, timeout_ms, connect_timeout_ms, retry)"
            " SELECT 'c' || to_char(n, 'FM00000'), 'x', 1, 1, '{}' FROM generate_series(1, 10000) AS n"
        )
        connection.execute(
            "INSERT INTO control_state (scope, desired)"
            " SELECT 'c' || to_char(n, 'FM00000'), 'stopped' FROM generate_series(1, 10000, 20) AS n"
        )
        page = {"after": after, "paused": None, "limit": 251, "only": None}

        assert rows_touched(connection, "sendoff_http.customers", "list_customers", page) <= MOST_ROWS


def test_a_backlog_is_counted_up_to_its_limit_and_beside_others_by_index(sendoff_database: str) -> None:
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        fill_due(connection, "1 hour")
        connection.execute(
            "INSERT INTO retries (message_id, customer_id, next_attempt_at, attempts, generation, token)"
            " SELECT md5(n::text)::uuid, 'default', now(), 1, 0, 1 FROM generate_series(1, %s) AS n",
            (ROWS,),
        )
        connection.execute("ANALYZE retries")
        for customers in (["default"], ["small"], [f"c{number}" for number in range(100)]):
            asked = {"customers": customers, "bounds": [1_000] * len(customers)}
            assert rows_touched(connection, "sendoff_intake", "count_backlogs", asked) <= MOST_ROWS


def test_limits_of_backlogs_are_found_among_all_customers(sendoff_database: str) -> None:
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO customers (id, name, timeout_ms, connect_timeout_ms, retry, backlog)"
            " SELECT 'c' || n, 'x', 1, 1, '{}', CASE WHEN n % 100 = 0 THEN 5 END FROM generate_series(1, 10000) AS n"
        )
        connection.execute("ANALYZE customers")

        assert rows_touched(connection, "sendoff_intake", "list_backlog_limits", {}) <= MOST_ROWS
