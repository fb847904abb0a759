"""Who may do what over the API: the scopes of a key, roles over them, and the caller of a request."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from sendoff_domain.document_model import PolicyModel
from sendoff_domain.texts import CustomerId

#: The random bytes of a secret that is made here.
SECRET_BYTES = 32
_SECRET_PREFIX = "sok_"  # noqa: S105 what each secret begins with is none
#: So much of a secret is kept and shown, so that a person can tell keys apart.
_SHOWN = len(_SECRET_PREFIX) + 6
#: A customer that there can't be: an id has a character at least.
NO_CUSTOMER = ""


class Scope(StrEnum):
    """What a key may do; `admin` is everything, keys and the audit included."""

    WRITE_MESSAGES = "messages:write"
    READ_MESSAGES = "messages:read"
    DEAD_LETTERS = "dead-letters"
    CUSTOMERS = "customers"
    CONTROL = "control"
    ADMIN = "admin"


class Role(StrEnum):
    """A name for several scopes."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_SCOPES_OF = {
    Role.VIEWER: (Scope.READ_MESSAGES,),
    Role.OPERATOR: tuple(scope for scope in Scope if scope is not Scope.ADMIN),
    Role.ADMIN: (Scope.ADMIN,),
}

KeyName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


class KeyPolicy(PolicyModel):
    """What a key is for and what it may do: a role, or scopes one by one."""

    name: KeyName = Field(description="What it is for: letters, digits, dot, dash and underscore.")
    role: Role | None = Field(default=None, description="viewer, operator or admin; either this or scopes.")
    scopes: tuple[Scope, ...] = Field(default=(), description="What it may do; either this or role.")
    customer: CustomerId | None = Field(
        default=None, description="The one customer whose things it sees and changes; absent: all customers."
    )
    rate: int | None = Field(
        default=None, ge=1, le=100_000, description="Requests per second that each API process takes of it."
    )

    @model_validator(mode="after")
    def _role_or_scopes(self) -> "KeyPolicy":
        if (self.role is None) == (not self.scopes):
            raise ValueError("expected either role or scopes")
        return self

    @property
    def granted(self) -> tuple[Scope, ...]:
        """The scopes, each once, in the order in which they are declared."""
        given = self.scopes if self.role is None else _SCOPES_OF[self.role]
        return tuple(scope for scope in Scope if scope in given)


@dataclass(frozen=True, slots=True)
class Caller:
    """The key of a request as logs and the audit name it (`id`), what it may do, and the customer that it is bound to.

    `rate` is the most requests per second, None without a limit.
    """

    id: str
    scopes: frozenset[Scope]
    customer: str | None = None
    rate: int | None = None

    def may(self, scopes: Iterable[Scope]) -> bool:
        """Whether one of these scopes, or `admin`, is among its own."""
        return Scope.ADMIN in self.scopes or not self.scopes.isdisjoint(scopes)

    def narrow(self, customer: str | None) -> str | None:
        """The customer to look for when it asks for `customer` (None: any); NO_CUSTOMER for a foreign one."""
        if self.customer is None:
            return customer
        return self.customer if customer in (None, self.customer) else NO_CUSTOMER


#: Who comes without a key where none is needed.
ANONYMOUS = Caller("anonymous", frozenset((Scope.ADMIN,)))
#: The same on the admin pages, which hand out no keys to whoever happens to sit at this machine.
ANONYMOUS_OPERATOR = Caller(ANONYMOUS.id, frozenset(_SCOPES_OF[Role.OPERATOR]))


def format_key_secret(entropy: bytes) -> str:
    """The secret of a new key from SECRET_BYTES random bytes, in small letters and digits."""
    return _SECRET_PREFIX + base64.b32encode(entropy).decode().lower().rstrip("=")


def shown_prefix(secret: str) -> str:
    """The part of a secret that may be shown for ever; the rest of it has 230 random bits."""
    return secret[:_SHOWN]


def key_digest(secret: str) -> bytes:
    """What is stored of a secret: its SHA-256.

    A slow hash, as for passwords, would protect nothing: it is against guessing what people choose, and 256 random
    bits can't be guessed at any speed. It would cost every request that is not in a cache a tenth of a second.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
