"""What a new installation needs before anything can run: the desired state, the default customer, the partitions."""

from datetime import UTC, datetime

from psycopg.types.json import Jsonb

from sendoff_config.settings import Settings
from sendoff_db.partitions import make_partitions
from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.policy_model import PolicyModel
from sendoff_domain.signature import parse_secret
from sendoff_domain.texts import DEFAULT_CUSTOMER
from sendoff_webhooks.keys.encryption import new_sealer
from sendoff_webhooks.keys.signing_keys import keep_key


async def seed(connection: Connection, settings: Settings) -> None:
    """Write the rows that follow from config.yaml; harmless to repeat, so every start may do it.

    The desired state is written once (`scheduler.enabled`); the default customer follows the file at every start, its
    secret is made up when none is configured and kept from then on.
    """
    await make_partitions(connection, settings.partitions.every, settings.partitions.ahead, datetime.now(UTC))
    desired = "running" if settings.scheduler.enabled else "stopped"
    await connection.execute(read_statement(__package__, "seed_control"), {"desired": desired})
    webhook = settings.webhook
    values = {
        "id": DEFAULT_CUSTOMER,
        "webhook_url": webhook.url,
        "timeout_ms": round(webhook.timeout.total_seconds() * 1000),
        "connect_timeout_ms": round(webhook.connect_timeout.total_seconds() * 1000),
        "retry": _document(settings.retry),
        "headers": Jsonb(webhook.headers),
        "response_rule": _document(webhook.response_rule),
        "breaker": _document(settings.breaker),
        "rate": settings.limits.rate,
        "rate_period_ms": round(settings.limits.per.total_seconds() * 1000),
        "concurrency": settings.limits.concurrency,
    }
    await connection.execute(read_statement(__package__, "seed_customer"), values)
    configured = parse_secret(webhook.secret.get_secret_value()) if webhook.secret else None
    await keep_key(connection, new_sealer(settings.security), DEFAULT_CUSTOMER, configured)


def _document(section: PolicyModel) -> Jsonb:
    return Jsonb(section.model_dump(mode="json", by_alias=True, exclude_unset=True))
