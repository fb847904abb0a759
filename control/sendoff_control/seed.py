"""The desired state of a new installation."""

from sendoff_config.settings import SchedulerSettings
from sendoff_db.pool import Connection
from sendoff_db.sql import run
from sendoff_domain.control import Desired


async def seed_state(connection: Connection, settings: SchedulerSettings) -> None:
    """Write what `scheduler.enabled` says if nothing was ever decided; harmless to repeat, so every start may do it."""
    desired = Desired.RUNNING if settings.enabled else Desired.STOPPED
    await run(connection, __package__, "seed_state", {"desired": desired})
