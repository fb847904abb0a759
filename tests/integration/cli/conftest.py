"""What the tests of the command share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support.api import Api, api_settings, running_api
from support.api_command import ApiCommand
from support.command_line import Running, running
from support.receiver import Receiver, running_receiver
from support.servers import RedisUrls, open_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder to run in that every user may enter, without any configuration."""
    with open_folder() as path:
        yield path


@pytest.fixture(scope="session")
def up() -> Iterator[Running]:
    """A whole Sendoff for all tests that leave it as it is."""
    with open_folder() as path, running("up", "--data", path / "data", folder=path) as started:
        started.wait_until_said("Sendoff is ready")
        yield started


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook."""
    with running_receiver() as started:
        yield started


@pytest.fixture
def addresses(redis_urls: RedisUrls, nats_url: str) -> dict[str, str]:
    """The settings that point at the shared servers, PostgreSQL left out."""
    return {
        "REDIS__BROKER_URL": redis_urls.broker,
        "REDIS__CACHE_URL": redis_urls.cache,
        "NATS__URL": nats_url,
    }


@pytest.fixture
async def api(migrated_database: str) -> AsyncIterator[Api]:
    """A server on a fresh database, without workers."""
    async with running_api(api_settings(migrated_database)) as running:
        yield running


@pytest.fixture
def command(api: Api, folder: Path) -> ApiCommand:
    """The command on that server."""
    return ApiCommand(api, folder)
