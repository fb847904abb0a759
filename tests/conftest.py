"""The fixtures that every test may use."""

import signal

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
