"""Lets requests in: `Authorization: Bearer <secret>` or `X-API-Key: <secret>`, and what the key may do, how often."""

import math
import time
from collections.abc import Mapping, Sequence

from aiohttp import web
from multidict import istr

from sendoff_domain.access import ANONYMOUS, Caller, Scope, key_digest
from sendoff_http.web.key_cache import KEY_CACHE
from sendoff_http.web.keys import CALLER
from sendoff_http.web.operation import ACCESS, OPEN, Access
from sendoff_http.web.problems import ProblemError

_CHALLENGE = 'Bearer realm="sendoff"'
#: The rates of so many keys are kept in mind; the oldest go first.
_MOST_RATES = 10_000
#: As istr, because a name that is a plain str is folded anew for each request.
_AUTHORIZATION, _API_KEY = istr("Authorization"), istr("X-API-Key")


class Authentication:
    """Finds the caller of each request, and refuses what that caller may not do."""

    def __init__(self, configured: Mapping[bytes, Caller], *, needs_key: bool) -> None:
        """`configured` are callers by the digests of their secrets; without `needs_key` no secret is needed."""
        self._configured = configured
        self.needs_key = needs_key
        self._rates = RequestRates()

    async def admit(self, request: web.Request) -> None:
        """Let a request in: it holds its CALLER from then on.

        Raises ProblemError 401 without a key or with one that is unknown, revoked or expired, 403 when the key may not
        do this, 429 when its rate is used up. A path or method that is unknown needs any key, where keys are needed.
        """
        access = request.app[ACCESS].get(request.match_info.handler)
        if access is OPEN:
            return
        secret = _presented(request)
        if secret is None:
            if self.needs_key:
                raise _unauthorized("expected an API key as Authorization: Bearer or X-API-Key", _CHALLENGE)
            request[CALLER] = ANONYMOUS  # who may do everything
            return
        caller = await self.find(request.app, secret)
        if caller is None:
            raise _unauthorized("the API key is unknown, revoked or expired", f'{_CHALLENGE}, error="invalid_token"')
        self.admit_as(request, caller, access)

    async def find(self, app: web.Application, secret: str) -> Caller | None:
        """The caller with this secret, None if there is none, or the key is revoked or expired."""
        digest = key_digest(secret)
        # Where these are found says nothing of a secret: who could choose a digest would have broken SHA-256.
        return self._configured.get(digest) or await app[KEY_CACHE].find(digest)

    def admit_as(self, request: web.Request, caller: Caller, access: Access | None) -> None:
        """Let in a request whose caller is known; raises ProblemError 403 or 429."""
        request[CALLER] = caller
        if access is not None:
            require_access(caller, access)
        if caller.rate is not None:
            self._require_rate(caller, caller.rate)

    def _require_rate(self, caller: Caller, rate: int) -> None:
        wait = self._rates.take(caller.id, rate)
        if wait:
            detail = f"the key {caller.id} may send {rate} requests per second"
            raise ProblemError(429, "too_many_requests", detail, headers={"Retry-After": str(wait)})


class RequestRates:
    """The rates of one process, each a moment up to which the key has used what it may (GCRA)."""

    def __init__(self) -> None:
        self._used_until: dict[str, float] = {}

    def take(self, key_id: str, rate: int) -> int:
        """Use one request of a key; returns 0, or the whole seconds after which to try again, and uses none then."""
        now = time.monotonic()
        used_until = max(self._used_until.pop(key_id, now), now) + 1 / rate
        wait = used_until - now - 1
        taken = wait <= 1e-9
        self._used_until[key_id] = used_until if taken else used_until - 1 / rate
        if len(self._used_until) > _MOST_RATES:
            del self._used_until[next(iter(self._used_until))]
        return 0 if taken else math.ceil(wait)


def _presented(request: web.Request) -> str | None:
    """The secret that a request carries; None if it carries none, so that what says `Basic` carries none."""
    authorization = request.headers.get(_AUTHORIZATION)
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
    return request.headers.get(_API_KEY)


#: What the admin pages ask as well, where a cookie tells who the caller is.
AUTHENTICATION: web.AppKey[Authentication] = web.AppKey("authentication", Authentication)


def may_access(caller: Caller, access: Access) -> bool:
    """Whether a caller may do what asks for this access."""
    return caller.may(access.scopes) and not (access.of_fleet and caller.customer is not None)


def require_access(caller: Caller, access: Access) -> None:
    """Raise ProblemError 403 unless the caller may do what asks for this access."""
    if not caller.may(access.scopes):
        raise missing_scope(caller, access.scopes)
    if access.of_fleet and caller.customer is not None:
        raise bound_key(caller, "this is about all customers")


def missing_scope(caller: Caller, scopes: Sequence[Scope]) -> ProblemError:
    """The problem (403) of what needs a key with one of these scopes."""
    needed = " or ".join(scopes)
    detail = f"this needs a key with the scope {needed}; {caller.id} has {', '.join(sorted(caller.scopes))}"
    challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{" ".join(scopes)}"'
    return ProblemError(
        403, "missing_scope", detail, headers={"WWW-Authenticate": challenge}, extra={"scopes": list(scopes)}
    )


def bound_key(caller: Caller, why: str) -> ProblemError:
    """The problem (403) of what a key of one customer may not do."""
    return ProblemError(403, "bound_key", f"{why}, and {caller.id} is a key of the customer {caller.customer!r} alone")


def _unauthorized(detail: str, challenge: str) -> ProblemError:
    return ProblemError(401, "unauthorized", detail, headers={"WWW-Authenticate": challenge})
