"""For orchestrators: whether this process can serve."""

import asyncio
from typing import Literal

import structlog
from aiohttp import web

from sendoff_db.failures import describe
from sendoff_db.migrator import pending
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import fetch_one
from sendoff_domain.errors import EncodingError, MigrationError
from sendoff_domain.explanation import REDIS_STATES
from sendoff_http.web.documents import ResponseModel
from sendoff_http.web.keys import LEAVING, MEMBER, POOL
from sendoff_http.web.operation import OPEN, ResponseDoc, Routes
from sendoff_http.web.problems import ProblemError
from sendoff_http.web.responses import json_response
from sendoff_webhooks.client.shortage import is_shortage, no_file_left

routes = Routes("Health")
log = structlog.get_logger("sendoff.http")

#: A probe of an orchestrator gives up after a few seconds; the answer must be there before.
_DEADLINE_SECONDS = 2.0
_REASONS = {
    "down": "PostgreSQL does not answer",
    "read-only": "PostgreSQL can be read but not written: it is a standby, or was made read-only",
    "short": "this process can open no file: raise `ulimit -n`",
    "workers short": "the workers are short of their own (open files, memory or ports): their log says of what",
    "unclaimed": "messages are due, but no worker has claimed any lately",
    "unrecorded": "no worker can record what became of its messages",
    "not UTF8": "the database's encoding is not UTF8: Sendoff needs one that was made with ENCODING 'UTF8'",
    "outdated": "the database lacks migrations or is newer than this version",
}
#: What `find_standstill.sql` tells, in its order.
_STANDSTILLS = ("workers short", "unclaimed", "unrecorded")
_OF_POSTGRES = ("read-only", "outdated", "not UTF8")
#: What a Redis that answers and takes no writes is shown as; it stays so until somebody acts.
_OF_REDIS = ("full", "read-only", "unsaved", "unreplicated")


class Ready(ResponseModel):
    """What this process can reach, while the workers get on; only PostgreSQL is needed to accept messages."""

    status: Literal["ready"]
    postgres: Literal["up"]
    redis: Literal["up", "down", "off"]
    nats: Literal["up", "down", "off"]


@routes.operation(
    "GET", "/health/ready", "Can this process serve?", {200: ResponseDoc("It can", Ready)}, problems=(503,), access=OPEN
)
async def read_readiness(request: web.Request) -> web.Response:
    """Answer 200 when PostgreSQL can be written and has all migrations, and some worker gets on, else 503.

    Workers get on unless none of them has claimed for 15 s (or two intervals) although something is due, all of them
    have waited as long for PostgreSQL to take an outcome, or all are short of open files, memory or ports. Once this
    process is going to end it answers 503, and while a Redis that answers takes no writes.

    PostgreSQL is asked now. Redis and NATS are as the membership in the fleet sees them: one that has just died without
    closing its connections shows as `up` until the bus notices, a few seconds later.
    """
    if request.app[LEAVING].is_set():
        raise ProblemError(503, "not_ready", "this process is about to end", headers={"Retry-After": "1"})
    state = await _probe(request.app[POOL])
    postgres = state if state in _OF_POSTGRES else "down" if state in ("down", "short") else "up"
    seen = request.app[MEMBER].bus_health
    redis = request.app[MEMBER].redis_health
    servers = {"postgres": postgres, "redis": redis, "nats": seen["nats"]}
    reason = REDIS_STATES[redis] if redis in _OF_REDIS and postgres == "up" else _REASONS.get(state)
    if reason is not None:
        raise ProblemError(503, "not_ready", reason, headers={"Retry-After": "1"}, extra={"servers": servers})
    return json_response(Ready.model_validate({"status": "ready", **servers}).document())


async def _probe(pool: Pool) -> str:
    """`up`, or the reason why not; also `down` when PostgreSQL does not answer within the deadline."""
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS), pool.connection(timeout=_DEADLINE_SECONDS) as connection:
            if await pending(connection):
                return "outdated"
            if await fetch_one(connection, __package__, "find_writable") is None:
                return "read-only"
            return await _standstill(connection)
    except EncodingError:
        return "not UTF8"
    except MigrationError:
        return "outdated"
    except Exception as error:  # noqa: BLE001  whatever it is, this process can't serve now
        if is_shortage(error) or no_file_left() is not None:
            return "short"
        log.warning("not ready", error=describe(error))
        return "down"


async def _standstill(connection: Connection) -> str:
    found = await fetch_one(connection, __package__, "find_standstill") or ()
    return next((name for name, is_so in zip(_STANDSTILLS, found, strict=False) if is_so), "up")
