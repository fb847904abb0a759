"""Secrets: whether the stored signing keys are sealed, and whether they open."""

from sendoff_cli.doctor.finding import Finding, fail, ok, warn
from sendoff_config.settings import Settings
from sendoff_db.pool import Connection
from sendoff_webhooks.keys.encryption import new_key_cipher
from sendoff_webhooks.keys.reencryption import examine_encryption


def check_encryption(settings: Settings, *, embedded: bool) -> Finding:
    """Whether there is an encryption key; `embedded` says that `sendoff up` makes one if there is none."""
    count = len(settings.security.encryption_keys)
    if count:
        return ok("encryption", f"secrets are sealed with the first of {count} encryption key(s)")
    if embedded:
        return ok("encryption", "no encryption key: `sendoff up` makes one next to its PostgreSQL")
    advice = (
        "set security.encryptionKeys to what `openssl rand -base64 32` prints, then run `sendoff migrate --seal-plain`"
    )
    return warn(
        "encryption",
        "secrets are stored plain: who reads the database can sign for everybody, and has the credentials in headers",
        advice,
    )


async def check_stored_keys(connection: Connection, settings: Settings) -> Finding:
    """Whether the stored signing keys and credentials open with the configured encryption keys."""
    state = await examine_encryption(connection, new_key_cipher(settings.security))
    if state.refused:
        detail = f"{state.refused} secret(s) are stored plain and refused: the messages of their customers are held"
        advice = "run `sendoff migrate --seal-plain` if there was no encryption key before; otherwise give them anew"
        return fail("signing keys", detail, advice)
    if state.undecryptable:
        detail = f"{state.undecryptable} secret(s) do not open: the messages of their customers are held"
        return fail("signing keys", detail, "add the encryption key that sealed them to security.encryptionKeys again")
    if state.outdated:
        detail = f"{state.outdated} secret(s) are not sealed with the first encryption key"
        return warn("signing keys", detail, "run `sendoff migrate`")
    return ok("signing keys", "all of them open")
