"""Whether a request was signed with a secret: what a receiver does by the Standard Webhooks specification."""

import hmac
from collections.abc import Iterable, Mapping

from sendoff_domain.webhook_request import sign

#: A request that was signed longer ago, or later than now, may be an old one that somebody plays again (seconds).
TOLERANCE = 300


def find_signature_fault(headers: Mapping[str, str], body: bytes, keys: Iterable[bytes], unix_seconds: float) -> str:
    """What is wrong with the signature, in words; empty if one of the keys has signed the request just now.

    `headers` are looked up in small letters.
    """
    missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if name not in headers]
    if missing:
        return f"it has no {' and no '.join(missing)}"
    timestamp = headers["webhook-timestamp"]
    if not (timestamp.isascii() and timestamp.isdigit()):
        return "its webhook-timestamp is no number of seconds"
    if abs(unix_seconds - int(timestamp)) > TOLERANCE:
        return f"its webhook-timestamp is {round(abs(unix_seconds - int(timestamp)))} s away from now"
    expected = sign(keys, headers["webhook-id"], int(timestamp), body).encode().split()
    given = headers["webhook-signature"].encode().split()
    if not any(hmac.compare_digest(one, other) for one in given for other in expected):
        return "it is signed with another secret, or was changed on its way"
    return ""
