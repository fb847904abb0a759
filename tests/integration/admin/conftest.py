"""What the tests of the admin pages share."""

from collections.abc import AsyncIterator

import pytest

from support.admin_client import ADMIN_KEYS, AdminClient, visiting
from support.api import Api, api_settings, running_api


@pytest.fixture
def database(migrated_database: str) -> str:
    """A database that is migrated already."""
    return migrated_database


@pytest.fixture
async def api(database: str) -> AsyncIterator[Api]:
    """A server that needs keys, on a fresh database."""
    settings = api_settings(database, http={"apiKeys": ADMIN_KEYS})
    async with running_api(settings) as running:
        running.session.headers["X-API-Key"] = ADMIN_KEYS[0]["secret"]
        yield running


@pytest.fixture
async def operator(api: Api) -> AsyncIterator[AdminClient]:
    """A browser in which an operator is logged in."""
    async with visiting(api.url, "operator") as client:
        yield client
