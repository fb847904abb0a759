"""One member as a process of its own, so that a test can pause or kill it: settings on stdin, instance as argument."""

import asyncio
import os
import sys
from datetime import UTC, datetime

from sendoff_config.identity import Identity
from sendoff_config.settings import Settings
from sendoff_control.fleet import join_fleet, make_member
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import open_pool


async def main(settings: Settings, instance: str) -> None:
    """Be a member until killed."""
    identity = Identity(instance, 0, "worker", "localhost", os.getpid(), "0", datetime.now(UTC))
    async with (
        open_pool(settings.postgres, instance, size=2) as pool,
        join_fleet(make_member(settings, pool, identity, DatabaseClock())),
    ):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Settings.model_validate_json(sys.stdin.read()), sys.argv[1]))
