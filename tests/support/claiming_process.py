"""A process that claims without end, so that a test can freeze it within a claim: the database's URL as argument."""

import asyncio
import sys
from datetime import timedelta

from psycopg import OperationalError

from sendoff_actors.claimer.handler import Claiming
from sendoff_actors.handoffs import Tick
from sendoff_config.settings import PostgresSettings
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import open_pool


async def main(url: str) -> None:
    """Claim and give back until killed."""
    async with open_pool(PostgresSettings(url=url), "frozen", size=1) as pool:
        claiming = Claiming(
            pool=pool, clock=DatabaseClock(), holder="frozen", horizon=timedelta(0), lease=timedelta(seconds=60)
        )
        print("ready", flush=True)
        while True:
            try:
                for batch in await claiming.claim(Tick("frozen", 0, 0.0, 500, True)):
                    await claiming.release(batch)
            except OperationalError:
                await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
