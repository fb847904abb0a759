"""The servers that the tests share: open with their password only, and empty for each test."""

import psycopg
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from redis import Redis
from redis.exceptions import AuthenticationError

from support.servers import RedisUrls, Servers


async def test_a_wrong_password_is_refused_by_all_three(servers: Servers) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong(servers.postgres))
    with Redis.from_url(wrong(servers.redis)) as client, pytest.raises(AuthenticationError):
        client.ping()
    client = Client()
    with pytest.raises(NatsError, match="Authorization Violation"):
        await client.connect(wrong(servers.nats), allow_reconnect=False)
    await client.close()


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_has_an_empty_database(database: str, turn: int) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE left_by_a_test AS SELECT %s AS turn", (str(turn),))


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_has_two_empty_redis_databases(redis_urls: RedisUrls, turn: int) -> None:
    with Redis.from_url(redis_urls.broker) as broker, Redis.from_url(redis_urls.cache) as cache:
        assert broker.dbsize() == cache.dbsize() == 0
        broker.set("left_by_a_test", turn)
        assert cache.dbsize() == 0


def wrong(url: str) -> str:
    """The same URL with another password of the same length."""
    start, password, end = url.rpartition("@")[0].rpartition(":")[0], "x" * 32, url.rpartition("@")[2]
    return f"{start}:{password}@{end}"
