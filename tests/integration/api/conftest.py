"""What the tests of the API share."""

from collections.abc import AsyncIterator

import pytest

from support.api import Api, api_settings, running_api


@pytest.fixture
def database(migrated_database: str) -> str:
    """A database that is migrated already."""
    return migrated_database


@pytest.fixture
async def api(database: str) -> AsyncIterator[Api]:
    """A server on a fresh database."""
    async with running_api(api_settings(database)) as running:
        yield running
