"""The fixtures that every test may use."""

import signal

import pytest
from hypothesis import HealthCheck, settings

from support.browsers import browser
from support.databases import migrated_database, migrated_template, sendoff_database, template_database
from support.servers import database, nats_url, redis_urls, servers, unused_redis_databases

__all__ = [
    "browser",
    "database",
    "migrated_database",
    "migrated_template",
    "nats_url",
    "redis_urls",
    "sendoff_database",
    "servers",
    "template_database",
    "unused_redis_databases",
]

# No deadline: how long an example takes on a busy machine says nothing about the code.
settings.register_profile("sendoff", deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
settings.load_profile("sendoff")

# Under nohup SIGHUP is ignored, in the background of a script SIGQUIT, and every process that a test starts would
# inherit that; some tests send them.
for number in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)

#: What may take so long begins first (seconds): at the end one worker would run it while the others wait.
_LONG = 300


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests; within them, and within the others, the order stays as random as it is."""
    items.sort(key=lambda item: not _is_long(item))


def _is_long(item: pytest.Item) -> bool:
    limit = item.get_closest_marker("timeout")
    return limit is not None and limit.args[0] >= _LONG
