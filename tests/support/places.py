"""Moves messages to other places by hand, as the actors would, for tests of what only reads or resends them."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

_CLAIM = (
    b"UPDATE due SET holder = 'worker', token = token + 1, visible_at = now() + interval '8 s' WHERE message_id = %s"
)
_SEND = b"""
WITH gone AS (DELETE FROM due WHERE message_id = %s RETURNING *)
INSERT INTO deliveries (message_id, customer_id, generation, token, attempts, due_at, created_at, sent_at, status_code,
                        duration_us, external_message_id)
SELECT message_id, customer_id, generation, token, attempt + 1, due_at, due_at, clock_timestamp(), 200, 1500, 'ext-1'
  FROM gone
"""
_FAIL = b"""
WITH failed AS (
    INSERT INTO attempts (message_id, generation, attempt, token, started_at, duration_us, status_code, error_class,
                          detail, answer)
    SELECT message_id, generation, attempt + 1, token, clock_timestamp(), 2500, 503, 'status', 'the webhook said 503',
           'no \xff'::bytea
      FROM due WHERE message_id = %(id)s
)
UPDATE due SET attempt = attempt + 1, token = token + 1 WHERE message_id = %(id)s
"""
_WAIT = b"""
WITH gone AS (DELETE FROM due WHERE message_id = %s RETURNING *)
INSERT INTO retries (message_id, customer_id, next_attempt_at, attempt, generation, token)
SELECT message_id, customer_id, now() + interval '5 s', attempt, generation, token FROM gone
"""
_BURY = b"""
WITH gone AS (DELETE FROM due WHERE message_id = %s RETURNING *)
INSERT INTO dead_letters (message_id, customer_id, recipient, payload, deliver_at, expires_at, created_at, dead_at,
                          reason, attempts, generation, token, last_error, history, retry)
SELECT id, messages.customer_id, recipient, payload, deliver_at, expires_at, created_at, clock_timestamp(), %s,
       gone.attempt, gone.generation, gone.token + 1, 'the webhook said 503',
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                  'generation', generation, 'attempt', attempt, 'startedAt', started_at,
                  'durationMs', duration_us / 1000.0, 'statusCode', status_code, 'errorClass', error_class,
                  'detail', detail)), '[]') FROM attempts WHERE message_id = gone.message_id),
       messages.retry
  FROM gone JOIN messages ON id = gone.message_id
"""


def uuid_of(message: dict[str, Any]) -> UUID:
    """The id of a message document as the database has it."""
    return UUID(message["id"].removeprefix("msg_"))


async def claim(db: AsyncConnection[Any], message: dict[str, Any]) -> None:
    """A worker holds it."""
    await db.execute(_CLAIM, (uuid_of(message),))


async def deliver(db: AsyncConnection[Any], message: dict[str, Any]) -> None:
    """It was sent."""
    await db.execute(_SEND, (uuid_of(message),))


async def fail(db: AsyncConnection[Any], message: dict[str, Any]) -> None:
    """An attempt failed, and it is due again."""
    await db.execute(_FAIL.replace(b"\xff", b"\\377"), {"id": uuid_of(message)})


async def retry_later(db: AsyncConnection[Any], message: dict[str, Any]) -> None:
    """An attempt failed, and it waits for the next one."""
    await fail(db, message)
    await db.execute(_WAIT, (uuid_of(message),))


async def bury(db: AsyncConnection[Any], message: dict[str, Any], reason: str = "exhausted") -> None:
    """An attempt failed, and it was the last."""
    await fail(db, message)
    await db.execute(_BURY, (uuid_of(message), reason))
