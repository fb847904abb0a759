"""What a new installation needs before anything can run: the default customer and the partitions."""

from pydantic import SecretStr

from sendoff_config.settings import Settings
from sendoff_db.partitions import make_partitions
from sendoff_db.pool import Connection
from sendoff_domain.errors import DecryptionError, SettingsError, UnavailableError
from sendoff_domain.event_receivers import EVENTS_CUSTOMER
from sendoff_domain.limits import Limits
from sendoff_domain.response_rule.json_value import same_json
from sendoff_domain.signing_secret import parse_secret
from sendoff_domain.texts import DEFAULT_CUSTOMER
from sendoff_webhooks.customer import Columns, Customer, columns_of
from sendoff_webhooks.customer_rows import find_customer, insert_customer, update_customer
from sendoff_webhooks.keys.encryption import KeyCipher, new_key_cipher
from sendoff_webhooks.keys.signing_keys import keep_key
from sendoff_webhooks.sealed_headers import open_headers

#: Processes that start together with different configurations overtake one another; each must come first in the end.
_TRIES = 10


async def seed(connection: Connection, settings: Settings) -> None:
    """Write the rows that follow from config.yaml; harmless to repeat, so every start may do it.

    The default customer and the one that gets the fleet's events follow the file at every start; a secret is made up
    when none is configured, and kept from then on. The desired state is written by `sendoff_control.seed`.
    """
    await make_partitions(connection, settings.partitions.every, settings.partitions.ahead)
    key_cipher = new_key_cipher(settings.security)
    await _follow(connection, columns_of(DEFAULT_CUSTOMER, _default_customer(settings)), key_cipher)
    await keep_key(connection, key_cipher, DEFAULT_CUSTOMER, _key_of(settings.webhook.secret))
    if settings.events.webhook.url is not None:
        await _seed_events_customer(connection, settings, key_cipher)


async def _seed_events_customer(connection: Connection, settings: Settings, key_cipher: KeyCipher) -> None:
    stored = await find_customer(connection, EVENTS_CUSTOMER)
    if stored is not None and stored.columns["events_of"] != EVENTS_CUSTOMER:
        raise SettingsError(
            f"events.webhook.url: the customer {EVENTS_CUSTOMER!r}, who would get the events, exists and is another one"
        )
    await _follow(connection, columns_of(EVENTS_CUSTOMER, _events_customer(settings)), key_cipher)
    await keep_key(connection, key_cipher, EVENTS_CUSTOMER, _key_of(settings.events.webhook.secret))


def _key_of(secret: SecretStr | None) -> bytes | None:
    return None if secret is None else parse_secret(secret.get_secret_value())


def _default_customer(settings: Settings) -> Customer:
    """The default customer as config.yaml has it."""
    webhook = settings.webhook
    return Customer(
        id=DEFAULT_CUSTOMER,
        webhook_url=webhook.url,
        headers=webhook.headers,
        timeout=webhook.timeout,
        connect_timeout=webhook.connect_timeout,
        retry=settings.retry,
        response_rule=webhook.response_rule,
        limits=settings.limits,
        breaker=settings.breaker,
    )


def _events_customer(settings: Settings) -> Customer:
    """The customer that gets the events of the fleet as config.yaml has it."""
    webhook = settings.events.webhook
    return Customer(
        id=EVENTS_CUSTOMER,
        webhook_url=webhook.url,
        retry=settings.retry,
        limits=Limits(backlog=webhook.backlog),
        breaker=settings.breaker,
        events_of=EVENTS_CUSTOMER,
    )


async def _follow(connection: Connection, columns: Columns, key_cipher: KeyCipher) -> None:
    """Make the stored customer equal to these columns; its version rises only when something differs."""
    for _ in range(_TRIES):
        if await insert_customer(connection, columns, key_cipher):
            return
        stored = await find_customer(connection, columns["id"])
        if stored is None:
            continue  # deleted in between
        known = _opened(stored.columns, key_cipher)
        if all(same_json(known[name], value) for name, value in columns.items()):
            return
        if await update_customer(connection, columns, stored, key_cipher):
            return
    raise UnavailableError(f"the customer {columns['id']} is being changed by others all the time")


def _opened(columns: Columns, key_cipher: KeyCipher) -> Columns:
    """The columns with readable headers, without any if one does not open: then the file's are written anew."""
    try:
        return open_headers(columns, key_cipher)
    except DecryptionError:
        return {**columns, "headers": None}
