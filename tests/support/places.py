"""Moves messages to other places with the statements of the actors, for tests of what only reads or resends them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from support.actor_statements import run_statement
from support.messages import accept

#: Further ahead than any test schedules: a test claims what it wants, due or not.
_EVER = timedelta(days=36_500)
_AT_ONCE = 5_000
_HOLD_OTHERS = (
    b"SELECT FROM due WHERE message_id <> %s FOR UPDATE",
    b"SELECT FROM retries WHERE message_id <> %s FOR UPDATE",
)


def uuid_of(message: dict[str, Any]) -> UUID:
    """The id of a message document as the database has it."""
    return UUID(message["id"].removeprefix("msg_"))


async def claim(db: AsyncConnection[Any], message: dict[str, Any]) -> int:
    """A worker claims it, wherever it waits; returns the token.

    A claim takes what comes first and skips what is locked, so all other messages are locked meanwhile.
    """
    async with await AsyncConnection.connect(db.info.dsn, password=db.info.password) as other:
        for statement in _HOLD_OTHERS:
            await other.execute(statement, (uuid_of(message),))
        for name in ("claim_due", "claim_retries"):
            await run_statement(db, name, claim_values(message["customer"], 1))
    token = await _claimed(db, uuid_of(message))
    assert token is not None, message
    return token


def claim_values(customer: str, quota: int) -> dict[str, Any]:
    """What a claim of the first messages of one customer is asked with, whenever they are due."""
    return {
        "customers": [customer],
        "quotas": [quota],
        "horizon": _EVER,
        "holder": "worker",
        "lease": timedelta(seconds=8),
        "limited": [],
    }


async def deliver(db: AsyncConnection[Any], message: dict[str, Any]) -> None:
    """It was sent."""
    message_id, token = uuid_of(message), await _token(db, message)
    await run_statement(db, "record_sent", delivery_values(message_id, token))


def delivery_values(message_id: UUID, token: int) -> dict[str, Any]:
    """A delivery of this moment that was answered with 200."""
    now = datetime.now(UTC).timestamp()
    return {
        "ids": [message_id],
        "tokens": [token],
        "created": [int(message_id.hex[:12], 16) / 1000],
        "sent": [now],
        "statuses": [200],
        "durations": [1500],
        "external": ["ext-1"],
    }


async def fail(db: AsyncConnection[Any], message: dict[str, Any]) -> None:
    """An attempt failed, its wait is over, and it is due again."""
    await _fail(db, message, datetime.now(UTC))
    token = await claim(db, message)
    await run_statement(db, "release_unsent", {"ids": [uuid_of(message)], "tokens": [token]})


async def retry_later(db: AsyncConnection[Any], message: dict[str, Any]) -> None:
    """An attempt failed, and it waits five seconds for the next one."""
    await _fail(db, message, datetime.now(UTC) + timedelta(seconds=5))


async def bury(db: AsyncConnection[Any], message: dict[str, Any], reason: str = "exhausted") -> None:
    """An attempt failed, and it was the last."""
    await _fail(db, message, None)
    token = await _token(db, message)
    await run_statement(db, "bury", {"ids": [uuid_of(message)], "tokens": [token], "reasons": [reason]})


async def bury_new(db: AsyncConnection[Any], count: int) -> list[UUID]:
    """Accept so many messages of the default customer and bury them, where no others wait; returns their ids."""
    ids: list[UUID] = []
    while len(ids) < count:
        accepted = await accept(db, min(_AT_ONCE, count - len(ids)))
        await run_statement(db, "claim_due", claim_values("default", len(accepted)))
        claims = await (await db.execute(b"SELECT message_id, token FROM due WHERE holder IS NOT NULL")).fetchall()
        reasons = ["exhausted"] * len(claims)
        values = {"ids": [one[0] for one in claims], "tokens": [one[1] for one in claims], "reasons": reasons}
        assert len(await run_statement(db, "bury", values)) == len(accepted)
        ids += accepted
    return ids


async def _fail(db: AsyncConnection[Any], message: dict[str, Any], next_attempt_at: datetime | None) -> None:
    message_id, token = uuid_of(message), await _token(db, message)
    made, generation = await _progress(db, message_id)
    await run_statement(db, "record_failed", failure_values(message_id, token, made + 1, generation, next_attempt_at))


def failure_values(
    message_id: UUID, token: int, attempt: int, generation: int, next_attempt_at: datetime | None
) -> dict[str, Any]:
    """An attempt that was answered with 503 and something that is no UTF-8."""
    return {
        "ids": [message_id],
        "tokens": [token],
        "attempts": [attempt],
        "generations": [generation],
        "started": [datetime.now(UTC)],
        "durations": [2500],
        "statuses": [503],
        "classes": ["status"],
        "details": ["the webhook said 503"],
        "answers": [b"no \xff"],
        "next": [next_attempt_at],
    }


async def _token(db: AsyncConnection[Any], message: dict[str, Any]) -> int:
    """The token of the claim that is, or of a new one."""
    return await _claimed(db, uuid_of(message)) or await claim(db, message)


async def _claimed(db: AsyncConnection[Any], message_id: UUID) -> int | None:
    cursor = await db.execute(b"SELECT token FROM due WHERE message_id = %s AND holder IS NOT NULL", (message_id,))
    row = await cursor.fetchone()
    return None if row is None else int(row[0])


async def _progress(db: AsyncConnection[Any], message_id: UUID) -> tuple[int, int]:
    """Attempts made and generation."""
    cursor = await db.execute(b"SELECT attempts, generation FROM message_status WHERE id = %s", (message_id,))
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
