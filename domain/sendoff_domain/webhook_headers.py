"""The headers of a customer's own that go along with each of its webhook requests: which there may be."""

import re
from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import AfterValidator

#: How many there may be, and how long a name and a value (characters).
MOST, LONGEST_NAME, LONGEST_VALUE = 20, 64, 1024
#: What is shown in the place of a confidential value.
MASK = "***"

_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}").fullmatch
_is_printable = re.compile(r"[!-~](?:[ -~]{0,1022}[!-~])?").fullmatch
#: What belongs to the request itself: its framing and its connection, and what would contradict its body or its sender.
_RESERVED = frozenset(
    (
        "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "keep-alive",
        "expect", "upgrade", "te", "trailer", "user-agent", "date", "accept-encoding",
    )
)  # fmt: skip
_RESERVED_PREFIXES = ("proxy-", "webhook-", "sendoff-")
_CONFIDENTIAL = frozenset(
    (
        "authorization", "auth", "cookie", "token", "secret", "password", "credential", "credentials", "key", "apikey",
        "signature",
    )
)  # fmt: skip
_WORD_BREAKS = str.maketrans("_.", "--")


def checked_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers unchanged if a webhook request may have them.

    Raises ValueError that names the one that it may not have, and never shows a value.
    """
    if len(headers) > MOST:
        raise ValueError(f"expected at most {MOST} headers, got {len(headers)}")
    seen: set[str] = set()
    for name in headers:
        _check_name(name)
        if name.lower() in seen:
            raise ValueError(f"expected each header once: {name} is there twice but for capital letters")
        seen.add(name.lower())
    return headers


def checked_value(value: str) -> str:
    """Return a header's value unchanged if it may be sent; raises ValueError, which does not show it."""
    if _is_printable(value) is None:
        raise ValueError(
            f"expected 1 to {LONGEST_VALUE} printable ASCII characters, with no blank at the beginning or the end"
        )
    return value


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers as people may see them: what looks like a credential by its name is masked."""
    return {name: MASK if is_confidential(name) else value for name, value in headers.items()}


def is_confidential(name: str) -> bool:
    """Whether a header of that name is likely to hold a secret."""
    return not _CONFIDENTIAL.isdisjoint(name.lower().translate(_WORD_BREAKS).split("-"))


def kept_credentials(headers: Mapping[str, str], given: Collection[str]) -> list[str]:
    """The names of the headers that look like credentials and are not among those `given` with the request."""
    anew = {name.lower() for name in given}
    return [name for name in headers if is_confidential(name) and name.lower() not in anew]


def _check_name(name: str) -> None:
    if _is_token(name) is None:
        expected = f"expected a header's name: a token of RFC 9110 with at most {LONGEST_NAME} characters"
        raise ValueError(f"{expected}, got {name[:80]!r}")
    if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_PREFIXES):
        raise ValueError(f"expected another name than {name}, which belongs to Sendoff or to the connection")


#: The headers of a customer, in the configuration and in the API.
Headers = Annotated[dict[str, Annotated[str, AfterValidator(checked_value)]], AfterValidator(checked_headers)]
