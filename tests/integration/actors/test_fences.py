"""A stale worker never overwrites the result of a newer one: each statement that compares a token is tried with both.

A worker claims a message, its lease runs out, and another worker claims it. What the first one says then must change
nothing at all; what the second one says counts. Each check is run on a copy of the statement without its comparison,
too, and has to fail there, so that it is known to notice.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from support.actor_statements import run_statement, statement_names, statement_text
from support.claims import claimed
from support.messages import accept
from support.places import claim_values, delivery_values, failure_values

#: A comparison of a token, as it stands in all of them.
FENCE = re.compile(rb" AND due\.token = \w+\.token\b")
#: Where a message, or what is known of it, can be.
TABLES = ("due", "retries", "deliveries", "dead_letters", "cancellations", "attempts")


@dataclass
class Claims:
    """One message, the token of a claim that is over, and that of the claim that holds it now."""

    message_id: UUID
    stale: int
    current: int


def release(message_id: UUID, token: int) -> dict[str, Any]:
    return {"ids": [message_id], "tokens": [token]}


def renewal(message_id: UUID, token: int) -> dict[str, Any]:
    return {**release(message_id, token), "lease": timedelta(minutes=1)}


def delivery(message_id: UUID, token: int) -> dict[str, Any]:
    return delivery_values(message_id, token)


def failure(message_id: UUID, token: int) -> dict[str, Any]:
    return failure_values(message_id, token, 1, 0, datetime.now(UTC))


def last_failure(message_id: UUID, token: int) -> dict[str, Any]:
    return failure_values(message_id, token, 1, 0, None)


def burial(message_id: UUID, token: int) -> dict[str, Any]:
    return {**release(message_id, token), "reasons": ["rejected"]}


FENCED = [
    ("release_unsent", release),
    ("renew_leases", renewal),
    ("record_sent", delivery),
    ("record_failed", failure),
    ("record_failed", last_failure),
    ("bury", burial),
]
each_fenced = pytest.mark.parametrize(
    ("name", "values"), FENCED, ids=[f"{name}-{values.__name__}" for name, values in FENCED]
)


@pytest.fixture
async def claims(connection: Connection) -> Claims:
    """A message that is held by its second claim."""
    (message_id,) = await accept(connection)
    stale = await claim(connection)
    await connection.execute("UPDATE due SET visible_at = now() - interval '1 s'")
    await run_statement(connection, "reap_expired", {})
    return Claims(message_id, stale, await claim(connection))


async def claim(connection: Connection) -> int:
    """Claim the only message there is; returns its token."""
    ((*_, token, _, _, _, _),) = await run_statement(connection, "claim_due", claim_values("default", 1))
    return int(token)


async def rows(connection: Connection) -> dict[str, list[Any]]:
    """Everything that is known of the message."""
    found = {}
    for table in TABLES:
        cursor = await connection.execute(f"SELECT to_jsonb({table}) FROM {table}".encode())
        found[table] = [row for (row,) in await cursor.fetchall()]
    return found


async def changes(connection: Connection, statement: bytes, values: dict[str, Any]) -> bool:
    """Whether a statement changes anything; what it changes is rolled back."""
    async with connection.transaction(force_rollback=True):
        before = await rows(connection)
        await connection.execute(statement, values)
        return await rows(connection) != before


@each_fenced
async def test_a_stale_token_changes_nothing(connection: Connection, claims: Claims, name: str, values: Any) -> None:
    assert claims.stale < claims.current
    assert not await changes(connection, statement_text(name), values(claims.message_id, claims.stale))


@each_fenced
async def test_the_token_of_the_claim_counts(connection: Connection, claims: Claims, name: str, values: Any) -> None:
    assert await changes(connection, statement_text(name), values(claims.message_id, claims.current))


@each_fenced
async def test_a_statement_without_its_fence_is_noticed(
    connection: Connection, claims: Claims, name: str, values: Any
) -> None:
    open_to_all, fences = FENCE.subn(b"", statement_text(name))
    assert fences == 1
    assert await changes(connection, open_to_all, values(claims.message_id, claims.stale))


@each_fenced
async def test_a_claim_that_a_promoted_server_has_forgotten_changes_nothing(
    connection: Connection, name: str, values: Any
) -> None:
    (message_id,) = await accept(connection)
    async with connection.transaction(force_rollback=True):
        forgotten = await claim(connection)
    assert forgotten != await claim(connection)
    assert not await changes(connection, statement_text(name), values(message_id, forgotten))


@each_fenced
async def test_a_message_that_nobody_holds_is_changed_by_no_token(
    connection: Connection, name: str, values: Any
) -> None:
    """Not by its own either, which is easy to guess before the first claim."""
    (message_id,) = await accept(connection, delay=timedelta(hours=10))
    (token,) = {row["token"] for row in (await rows(connection))["due"]}
    assert not await changes(connection, statement_text(name), values(message_id, token))


async def test_a_first_claim_is_told_from_a_later_one_by_its_token(connection: Connection) -> None:
    await accept(connection, 100)
    first = await tokens_of_all(connection)
    await connection.execute("UPDATE due SET holder = NULL, visible_at = now(), token = token + 1")
    again = await tokens_of_all(connection)

    assert not any(claimed(token=token).was_claimed_before for token in first)
    assert all(claimed(token=token).was_claimed_before for token in again)


async def tokens_of_all(connection: Connection) -> list[int]:
    """Claim 100 messages; returns their tokens."""
    claims = await run_statement(connection, "claim_due", claim_values("default", 100))
    assert len(claims) == 100
    return [token for (*_, token, _, _, _, _) in claims]


def test_every_statement_that_compares_a_token_is_tried() -> None:
    comparing = [
        name for name in statement_names() if re.search(rb"token = (?!\w+\.token \+|claim_token)", statement_text(name))
    ]
    assert comparing == sorted({name for name, _ in FENCED})


async def test_every_move_makes_the_tokens_before_it_worthless(connection: Connection) -> None:
    """By whatever way a message comes back to be claimed, none of its former claims holds."""
    (message_id,) = await accept(connection)
    tokens = [await claim(connection)]

    async def come_back(package: str, name: str, values: dict[str, Any]) -> None:
        await connection.execute(read_statement(package, name), values)
        tokens.append(await claim(connection))

    resend = "sendoff_intake.moves", "resend", {"ids": [message_id], "dead_ids": [message_id]}
    await run_statement(connection, "release_unsent", release(message_id, tokens[-1]))
    tokens.append(await claim(connection))
    await run_statement(connection, "record_sent", delivery(message_id, tokens[-1]))
    await come_back(*resend)
    await run_statement(connection, "bury", burial(message_id, tokens[-1]))
    await come_back(*resend)
    await run_statement(connection, "release_unsent", release(message_id, tokens[-1]))
    moved = {"ids": [message_id], "customer": None, "deliver_at": None, "delay": timedelta(0), "shift": None}
    await come_back("sendoff_intake.moves", "reschedule", moved)
    await run_statement(connection, "release_unsent", release(message_id, tokens[-1]))
    await connection.execute(read_statement("sendoff_intake.moves", "cancel"), {"ids": [message_id], "customer": None})
    await come_back(*resend)
    await run_statement(connection, "record_failed", failure_values(message_id, tokens[-1], 1, 3, datetime.now(UTC)))
    ((*_, token, _, _, _, _),) = await run_statement(connection, "claim_retries", claim_values("default", 1))

    assert tokens == sorted(set(tokens))
    assert token > tokens[-1]
    for stale in tokens:
        for name, values in FENCED:
            assert not await changes(connection, statement_text(name), values(message_id, stale)), (name, stale)


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("sendoff_intake.moves", "resend"),
        ("sendoff_intake.moves", "reschedule"),
        ("sendoff_intake.moves", "cancel"),
    ],
)
async def test_a_move_by_the_api_raises_the_token(connection: Connection, package: str, name: str) -> None:
    (message_id,) = await accept(connection)
    token = await claim(connection)
    if name == "resend":
        await run_statement(connection, "record_sent", delivery(message_id, token))
    else:
        await run_statement(connection, "release_unsent", release(message_id, token))
        token += 1
    values = {
        "customer": None,
        "ids": [message_id],
        "dead_ids": [],
        "deliver_at": None,
        "delay": timedelta(0),
        "shift": None,
    }
    await connection.execute(read_statement(package, name), values)

    found = await rows(connection)
    assert [row["token"] for table in ("due", "cancellations") for row in found[table]] == [token + 1]
