"""Redis or Valkey: both databases reachable, apart from each other, new enough, and not throwing keys away."""

from collections.abc import Iterator
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.retry import Retry

from sendoff_cli.doctor.finding import Finding, fail, ok, warn
from sendoff_config.settings import RedisSettings

_OLDEST = 7
_TIMEOUT_SECONDS = 3.0
#: The share of maxmemory from which on a server counts as nearly full.
_FULL = 0.9


def check_redis(settings: RedisSettings) -> Iterator[Finding]:
    """The findings of a server that has addresses."""
    urls = {"redis broker": str(settings.broker_url), "redis cache": str(settings.cache_url)}
    for name, url in urls.items():
        yield _server(name, url)
    yield _separation(*urls.values())


def _server(name: str, url: str) -> Finding:
    key = "redis.brokerUrl" if name == "redis broker" else "redis.cacheUrl"
    try:
        with _client(url) as client:
            info: dict[str, Any] = {**client.info("server"), **client.info("memory"), **client.info("replication")}
            policy = info.get("maxmemory_policy") or _eviction(client)
    except AuthenticationError as error:
        return fail(name, f"refuses us: {error}", f"correct the password in {key}")
    except (RedisError, OSError) as error:
        return fail(name, f"does not answer: {error}", f"start Redis, or correct {key}")
    except ValueError:  # it may quote the address, which holds the password
        return fail(name, "the address is none", f"{key}: expected redis://:password@host:6379/0")
    return _finding(name, info, policy)


def _finding(name: str, info: dict[str, Any], policy: str | None) -> Finding:
    valkey = info.get("valkey_version")
    version = str(valkey or info.get("redis_version", "0"))
    shown = f"{'Valkey' if valkey else 'Redis'} {version}"
    major = version.partition(".")[0]
    if not major.isdigit() or int(major) < _OLDEST:
        return fail(name, f"{shown} is too old", "use Redis 7 or newer, or Valkey")
    if info.get("role") == "slave":
        return fail(name, f"{shown} is a replica, which takes no writes", "let the address name the primary")
    most, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if most and used > _FULL * most:
        detail = f"{shown} uses {used >> 20} of {most >> 20} MiB of its maxmemory"
        return (fail if used >= most else warn)(name, detail, "raise maxmemory (docs/redis.md says how much is needed)")
    if policy not in (None, "noeviction"):
        return warn(name, f"{shown} with maxmemory-policy {policy}", "set noeviction, or hints and markers may vanish")
    return ok(name, shown)


def _eviction(client: Redis) -> str | None:
    try:
        return client.config_get("maxmemory-policy").get("maxmemory-policy")
    except ResponseError:  # hosted servers refuse CONFIG
        return None


def _separation(broker: str, cache: str) -> Finding:
    try:
        places = [_place(url) for url in (broker, cache)]
    except ValueError:
        return warn("redis databases", "cannot be compared", "correct redis.brokerUrl and redis.cacheUrl")
    if places[0] == places[1]:
        advice = "give redis.cacheUrl another database: Dramatiq runs KEYS on its own"
        return fail("redis databases", "broker and markers share one database", advice)
    return ok("redis databases", "broker and markers are apart")


def _place(url: str) -> tuple[str, int, int]:
    with _client(url) as client:
        arguments = client.connection_pool.connection_kwargs
    return (
        str(arguments.get("path") or arguments.get("host", "localhost")),
        int(arguments.get("port", 6379)),
        int(arguments.get("db") or 0),
    )


def _client(url: str) -> Redis:
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
