"""NATS: reachable and new enough."""

import asyncio
import ssl
from dataclasses import replace

from nats.aio.client import Client
from nats.errors import Error

from sendoff_cli.doctor.finding import Finding, fail, ok, warn
from sendoff_config.settings import Settings

_OLDEST = (2, 10)
_TIMEOUT_SECONDS = 3
_LEVELS = ("ok", "warn", "fail")
_ADVICE = "start NATS, or correct nats.url and its user, password, token or creds"


async def check_nats(settings: Settings) -> Finding:
    """The finding of the servers that have an address, the worst of them if there are several.

    Start and stop also work without NATS, so silence is no failure.
    """
    servers = [server.strip() for server in str(settings.nats.url).split(",")]
    findings = await asyncio.gather(*(_check(settings, server) for server in servers))
    worst = max(findings, key=lambda finding: _LEVELS.index(finding.level))
    if len(servers) == 1:
        return worst
    place = _place(servers[findings.index(worst)])
    up = sum(finding.level == "ok" for finding in findings)
    return replace(worst, detail=f"{up} of {len(servers)} servers will do; {place}: {worst.detail}")


async def _check(settings: Settings, server: str) -> Finding:
    client = Client()
    try:
        async with asyncio.timeout(2 * _TIMEOUT_SECONDS):
            await connect(client, settings, [server])
        return _finding(client)
    except (Error, OSError, TimeoutError, ValueError) as error:
        detail = f"does not let us in: {error or type(error).__name__}"
        return warn("nats", detail, f"{_ADVICE}; without any start and stop go over Redis and PostgreSQL alone")
    finally:
        await client.close()


def _place(server: str) -> str:
    """Where a server is, without the password in its address."""
    return server.rpartition("@")[2].rpartition("/")[2]


async def connect(client: Client, settings: Settings, servers: list[str]) -> None:
    """Connect to one of the servers, and never again."""

    async def ignore(_: Exception) -> None:
        """The first error also comes as an exception."""

    nats = settings.nats
    await client.connect(
        servers=servers,
        name="sendoff doctor",
        allow_reconnect=False,
        max_reconnect_attempts=1,  # or it tries for two minutes
        reconnect_time_wait=0,
        connect_timeout=_TIMEOUT_SECONDS,
        error_cb=ignore,
        user=nats.user,
        password=nats.password.get_secret_value() if nats.password else None,
        token=nats.token.get_secret_value() if nats.token else None,
        user_credentials=nats.creds,
        tls=ssl.create_default_context() if nats.tls else None,
    )


def _finding(client: Client) -> Finding:
    version = client.connected_server_version
    shown = f"NATS {version.major}.{version.minor}.{version.patch}"
    if (version.major, version.minor) < _OLDEST:
        return fail("nats", f"{shown} is too old", "use NATS 2.10 or newer")
    return ok("nats", shown)
