"""What a new installation holds, written as every start of Sendoff writes it."""

from sendoff_config.settings import Settings
from sendoff_control.seed import seed_state
from sendoff_db.pool import Connection
from sendoff_webhooks.seed import seed as seed_customer


async def seed(connection: Connection, settings: Settings) -> None:
    """Write the desired state, the default customer and the partitions."""
    await seed_state(connection, settings.scheduler)
    await seed_customer(connection, settings)
