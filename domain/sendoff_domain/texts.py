r"""The short texts that the API, the buses and the command line take, each with its form in one place.

A type carries its form twice: `StringConstraints` for pydantic, `Meta` for msgspec, each of which ignores the other's.
msgspec matches by Python's `re`, where `$` also matches before a line break at the end, and `\Z` does not.
"""

import re
from typing import Annotated

from msgspec import Meta
from pydantic import StringConstraints

#: The customer of a message that names none.
DEFAULT_CUSTOMER = "default"
LONGEST_RECIPIENT = 256
LONGEST_REFERENCE = 128
_LONGEST_REMARK = 500

_CUSTOMER_ID = r"[A-Za-z0-9_-]{1,64}"
#: PostgreSQL cannot hold the character NUL in a text.
_WITHOUT_NUL = r"[^\x00]*"
_WITHOUT_CONTROL = r"[^\x00-\x1f\x7f]*"

#: The id of a customer; `global` has the same form, so that this is also the form of a command's scope.
CustomerId = Annotated[str, StringConstraints(pattern=f"^{_CUSTOMER_ID}$"), Meta(pattern=rf"\A{_CUSTOMER_ID}\Z")]
#: Why a command was given, or by whom.
Remark = Annotated[
    str,
    StringConstraints(max_length=_LONGEST_REMARK, pattern=f"^{_WITHOUT_NUL}$"),
    Meta(max_length=_LONGEST_REMARK, pattern=rf"\A{_WITHOUT_NUL}\Z"),
]
#: Whom a message is for; only the webhook knows what it means.
Recipient = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_RECIPIENT, pattern=f"^{_WITHOUT_NUL}$")]
#: The sender's own id of a message; several messages may have the same.
Reference = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_REFERENCE, pattern=f"^{_WITHOUT_CONTROL}$"),
    Meta(min_length=1, max_length=LONGEST_REFERENCE, pattern=rf"\A{_WITHOUT_CONTROL}\Z"),
]

#: A match, or None for a text that has not the form of a customer's id.
match_customer_id = re.compile(_CUSTOMER_ID).fullmatch

#: What a person is told who gave a text of another form; a test holds all patterns of the API to it.
WORDS_OF_PATTERNS = {
    f"^{_CUSTOMER_ID}$": "expected 1 to 64 letters, digits, - and _",
    f"^{_WITHOUT_NUL}$": "expected a text without the null character",
    f"^{_WITHOUT_CONTROL}$": "expected a text without control characters",
    r"^[A-Za-z0-9._-]{1,64}$": "expected 1 to 64 letters, digits, dots, - and _",
    r"^[\x21-\x7e]{1,128}$": "expected 1 to 128 visible ASCII characters without blanks",
    "^job_[0-9a-f]{32}$": "expected job_ and 32 digits of 0-9 and a-f",
    "^msg_[0-9a-f]{32}$": "expected msg_ and 32 digits of 0-9 and a-f",
}
