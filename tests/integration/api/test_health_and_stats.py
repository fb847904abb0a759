"""Probes and numbers."""

import time
from collections.abc import Awaitable, Callable

from psycopg import AsyncConnection

from support.api import Api, api_settings, running_api
from support.places import bury, claim, deliver, fail, retry_later
from support.servers import Servers
from support.waiting import eventually


async def becomes_ready(api: Api, **servers: str) -> bool:
    """Whether the process says that it is ready and sees its servers like this, as soon as it has connected to them."""

    async def is_seen() -> bool:
        return bool((await api.get("/health/ready")).json == {"status": "ready", **servers})

    seen: bool = await eventually(is_seen, f"{servers} are seen")
    return seen


async def test_a_process_that_runs_is_alive(api: Api) -> None:
    assert (await api.get("/health/live")).json == {"status": "alive"}


async def test_ready_tells_about_every_server(database: str, servers: Servers) -> None:
    settings = api_settings(
        database,
        redis={"brokerUrl": f"{servers.redis}/0", "cacheUrl": f"{servers.redis}/1"},
        nats={"url": "nats://127.0.0.1:9"},
    )
    async with running_api(settings) as api:
        assert await becomes_ready(api, postgres="up", redis="up", nats="down")


async def test_nats_is_up_once_this_process_is_connected(database: str, servers: Servers) -> None:
    async with running_api(api_settings(database, nats={"url": servers.nats})) as api:
        assert await becomes_ready(api, postgres="up", redis="off", nats="up")


async def test_nats_is_down_for_a_process_that_it_refuses(database: str, servers: Servers) -> None:
    address = "nats://nobody:wrong@" + servers.nats.rpartition("@")[2].removeprefix("nats://")
    settings = api_settings(
        database,
        redis={"brokerUrl": f"{servers.redis}/0", "cacheUrl": f"{servers.redis}/1"},
        nats={"url": address},
    )
    async with running_api(settings) as api:
        assert await becomes_ready(api, postgres="up", redis="up", nats="down")


async def test_a_database_without_migrations_is_not_ready(database: str) -> None:
    async with running_api(api_settings(database), prepare=False) as api:
        reply = await api.get("/health/ready")
    assert (reply.status, reply.json["code"]) == (503, "not_ready")
    assert reply.json["servers"]["postgres"] == "outdated"
    assert reply.headers["Retry-After"]


async def test_without_postgres_everything_is_unavailable_within_a_deadline(database: str, servers: Servers) -> None:
    name = database.rpartition("/")[2]
    async with (
        running_api(api_settings(database)) as api,
        await AsyncConnection.connect(servers.postgres, autocommit=True) as outside,
    ):
        await outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        await outside.execute(b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        started = time.monotonic()
        reply = await api.get("/health/ready")
        assert (reply.status, reply.json["servers"]["postgres"]) == (503, "down")
        assert time.monotonic() - started < 10
        assert (await api.get("/health/live")).status == 200
        refused = await api.post("/v1/messages", {"to": "a", "content": 1})
        assert (refused.status, refused.json["code"]) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        await outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())

        async def accepted() -> bool:
            return (await api.post("/v1/messages", {"to": "a", "content": 1})).status == 202

        back: bool = await eventually(accepted, "messages are accepted again", timeout=40)
        assert back


async def test_broken_connections_are_not_the_clients_business(api: Api) -> None:
    """A restart of PostgreSQL breaks every connection; the next message is accepted all the same, and once."""
    await api.create()
    for _ in range(3):
        await api.db.execute(
            b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            b" WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await api.create()
    assert await api.count("due") == await api.count("messages") == 4


async def test_stats_count_every_place(api: Api) -> None:
    messages = [await api.create() for _ in range(7)]
    moves: tuple[Callable[..., Awaitable[object]], ...] = (claim, fail, retry_later, deliver, deliver, bury)
    for message, move in zip(messages, moves, strict=False):
        await move(api.db, message)
    stats = (await api.get("/v1/stats")).json
    assert stats["counts"] == {"scheduled": 1, "sending": 1, "retrying": 2, "sent": 2, "dead": 1, "cancelled": 0}
    assert stats["late"] == 2
    assert stats["lagSeconds"] > 0
    assert stats["sentLastMinute"] == 2


async def test_stats_of_nothing_are_zero(api: Api) -> None:
    stats = (await api.get("/v1/stats")).json
    assert set(stats["counts"].values()) == {0}
    assert (stats["late"], stats["lagSeconds"], stats["sentLastMinute"]) == (0, 0, 0)
