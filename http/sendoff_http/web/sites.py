"""What browsers may do: only pages of the API itself, under a name that no stranger can give it.

A page of any site can send requests to addresses that its reader's browser reaches (CSRF), and if the name of its site
leads there (DNS rebinding), it can read the answers. Programs send none of these headers but `Host`. Nor may Sendoff's
own requests to webhooks do anything: addresses of the API that its workers don't know are told by what they send.
"""

from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address

from aiohttp import web
from multidict import istr

from sendoff_domain.access import ANONYMOUS, ANONYMOUS_OPERATOR
from sendoff_http.web.keys import CALLER
from sendoff_http.web.problems import ProblemError

_PLAIN_READS = frozenset({"GET", "HEAD"})
#: As istr, because a name that is a plain str is folded anew for each request.
_WEBHOOK_HEADER, _SITE, _ORIGIN, _HOST = map(istr, ("sendoff-attempt", "Sec-Fetch-Site", "Origin", "Host"))
_OWN_SITES = frozenset({"same-origin", "none"})


class Sites:
    """The names under which the API may be used; `hosts` are those beside addresses and localhost."""

    def __init__(self, hosts: Collection[str]) -> None:
        self._hosts = frozenset(hosts)

    def require_own_page(self, request: web.Request) -> None:
        """Raise ProblemError 403 for what a page of another site sends, unless it is a plain read.

        `Sec-Fetch-Site` says it in every browser since 2023, `Origin` in those before.
        """
        if request.method in _PLAIN_READS:
            return
        headers = request.headers
        site, origin = headers.get(_SITE), headers.get(_ORIGIN)
        if site is not None and site not in _OWN_SITES:
            raise _foreign_site(f"Sec-Fetch-Site {site[:40]!r}")
        if origin is not None and not self._is_own(origin, headers.get(_HOST, "")):
            raise _foreign_site(f"Origin {origin[:80]!r}")

    def require_no_webhook(self, request: web.Request) -> None:
        """Raise ProblemError 403 for a webhook request of Sendoff itself: a customer's URL led here, of all places."""
        if _WEBHOOK_HEADER in request.headers:
            raise ProblemError(403, "own_webhook", "the API is never a webhook")

    def require_own_name(self, request: web.Request) -> None:
        """Raise ProblemError 403 when a caller without a key uses a name for the API that may be a stranger's."""
        caller = request.get(CALLER)
        if caller is ANONYMOUS or caller is ANONYMOUS_OPERATOR:
            host = request.headers.get(_HOST)
            if host is not None and not self._is_known(_name(host)):
                detail = f"Host {host[:80]!r} is neither an address nor in http.hosts, and no API key was sent"
                raise ProblemError(403, "foreign_host", detail)

    def _is_own(self, origin: str, host: str) -> bool:
        scheme, _, authority = origin.lower().partition("://")
        if scheme not in ("http", "https"):  # also null: a sandbox, a file, a redirect
            return False
        return authority == host.lower() or _name(authority) in self._hosts

    def _is_known(self, name: str) -> bool:
        return _is_safe(name) or name in self._hosts


#: What the admin pages ask as well, once they know who the caller is.
SITES: web.AppKey[Sites] = web.AppKey("sites", Sites)


def _foreign_site(which: str) -> ProblemError:
    return ProblemError(403, "foreign_site", f"a page of another site may not do this ({which})")


@lru_cache(maxsize=256)
def _name(authority: str) -> str:
    """The name or address in a `Host` header, without its port."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0].rstrip(".").lower()


@lru_cache(maxsize=256)
def _is_safe(name: str) -> bool:
    """Whether no DNS server of a stranger decides where the name leads: an address, or this machine's own name."""
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 6.3
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
