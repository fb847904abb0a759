"""Probes and numbers."""

import time
from collections.abc import Awaitable, Callable

from psycopg import AsyncConnection

from support.api import Api, api_settings, running_api
from support.places import bury, claim, deliver, fail, retry_later
from support.proxy import open_proxy
from support.servers import Servers, new_database
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


async def test_a_database_without_migrations_is_not_ready(servers: Servers) -> None:
    with new_database(servers) as empty:
        async with running_api(api_settings(empty), prepare=False) as api:
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


async def test_connections_that_are_swallowed_are_an_outage_of_seconds(database: str) -> None:
    async with open_proxy(database) as proxy, running_api(api_settings(proxy.url)) as api:
        await api.create()
        proxy.freeze()

        async def works() -> bool:
            accepted = await api.post("/v1/messages", {"to": "a", "content": 1})
            assert accepted.status in (202, 503), accepted
            ready = await api.get("/health/ready")
            assert ready.status in (200, 503), ready
            return (accepted.status, ready.status) == (202, 200)

        worked: bool = await eventually(works, "messages are accepted, and the process is ready", timeout=40)
        assert worked


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


async def report_worker(api: Api, process: int, claim_by: float, record_by: float | None = None) -> None:
    """A worker's sign of life: by when it must have claimed, and recorded, from now on (seconds)."""
    await api.db.execute(
        b"INSERT INTO processes (instance, process, role, host, pid, version, started_at, heartbeat_at, epoch,"
        b" revision, actual, in_flight, buses, claim_by, record_by)"
        b" VALUES ('w', %s, 'worker', 'h', 1, '1', now(), now(), 1, 1, 'running',"
        b" 0, '{}', now() + %s * interval '1 s', now() + %s * interval '1 s')"
        b" ON CONFLICT (instance, process, role) DO UPDATE"
        b" SET claim_by = excluded.claim_by, record_by = excluded.record_by",
        (process, claim_by, record_by),
    )


async def why_unready(api: Api) -> str | None:
    """The reason that readiness gives, or None."""
    reply = await api.get("/health/ready")
    return None if reply.status == 200 else str(reply.json["detail"])


async def test_nothing_claimed_although_due_is_not_ready(api: Api) -> None:
    await report_worker(api, 0, claim_by=-5)
    await report_worker(api, 1, claim_by=-5)
    assert await why_unready(api) is None, "nothing is due"
    await api.create()
    assert await why_unready(api) is None, "it has only just become due"
    await api.db.execute(b"UPDATE due SET visible_at = now() - interval '20 s'")
    assert "no worker has claimed" in str(await why_unready(api))
    await report_worker(api, 1, claim_by=60)
    assert await why_unready(api) is None, "one of two gets on"
    await api.db.execute(b"DELETE FROM processes WHERE role = 'worker'")
    assert "no worker has claimed" in str(await why_unready(api))
    await api.db.execute(b"UPDATE control_state SET desired = 'stopped' WHERE scope = 'global'")
    assert await why_unready(api) is None, "nothing is to be claimed"


async def test_outcomes_that_no_worker_can_record_are_not_ready(api: Api) -> None:
    await report_worker(api, 0, claim_by=60, record_by=-5)
    assert "no worker can record" in str(await why_unready(api))
    await report_worker(api, 1, claim_by=60, record_by=10)
    assert await why_unready(api) is None, "one of two gets on"


async def test_workers_that_are_all_short_of_their_own_are_not_ready(api: Api) -> None:
    await report_worker(api, 0, claim_by=60)
    await report_worker(api, 1, claim_by=60)
    await api.db.execute(b"UPDATE processes SET is_short = true WHERE role = 'worker'")
    reply = await api.get("/health/ready")
    assert (reply.status, reply.json["servers"]["postgres"]) == (503, "up")
    assert "the workers are short of their own" in reply.json["detail"]
    await api.db.execute(b"UPDATE processes SET is_short = false WHERE role = 'worker' AND process = 1")
    assert await why_unready(api) is None, "one of two gets on"
