"""What the tests of start and stop share."""

from collections.abc import AsyncIterator

import pytest

from support.fleet import Fleet, fleet_settings, open_fleet
from support.servers import RedisUrls


@pytest.fixture
async def fleet(database: str, redis_urls: RedisUrls, nats_url: str) -> AsyncIterator[Fleet]:
    """An empty fleet, desired to run."""
    async with open_fleet(fleet_settings(database, redis_urls.broker, nats_url)) as opened:
        yield opened
