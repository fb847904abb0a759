"""Which addresses a webhook's name leads to, and whether they may be called; the API's own look at that policy."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from aiohttp import web

from sendoff_domain.webhook_addresses import Network, vetted
from sendoff_domain.webhook_ports import DEFAULT_PORTS, PortRange
from sendoff_domain.webhook_url import callable_webhook_url
from sendoff_http.web.keys import SETTINGS
from sendoff_http.web.problems import FieldError, invalid

#: From a name to its addresses as text; raises OSError or UnicodeError when there are none.
Resolve = Callable[[str], Awaitable[Sequence[str]]]

#: How long a customer's creation waits for a name server (seconds).
_PATIENCE = 2.0
_THREADS = 8


class ForbiddenAddressError(OSError):
    """A name leads to an address that must not be called."""


class WebhookNames:
    """Resolves with the system's resolver, in threads of its own, and checks every address."""

    def __init__(
        self,
        networks: Sequence[Network],
        ports: Sequence[PortRange] = DEFAULT_PORTS,
        resolve: Resolve | None = None,
        patience: float = _PATIENCE,
    ) -> None:
        self.networks = networks
        self.ports = ports
        self._patience = patience
        self._resolve = resolve or self._ask_system
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="webhook-names")

    async def addresses(self, host: str) -> tuple[str, ...]:
        """The addresses to connect to; raises ForbiddenAddressError if one must not be called, OSError without any."""
        try:
            found = list(dict.fromkeys(await self._resolve(host)))
        except UnicodeError as error:
            raise OSError(f"{host} is no name: {error}") from None
        if not found:
            raise OSError(f"{host} has no address")
        addresses = vetted(found, self.networks)
        if not addresses:
            raise ForbiddenAddressError(f"{host} leads to an address that must not be called")
        return addresses

    async def refuse_forbidden(self, url: str) -> None:
        """Raise ProblemError 422 if the webhook's URL leads to an address or a port that must not be called.

        A name that does not resolve, or not in time, passes: it may not exist yet, and each request looks again.
        """
        try:
            callable_webhook_url(url, self.networks, self.ports)
            async with asyncio.timeout(self._patience):
                await self.addresses(urlsplit(url).hostname or "")
        except ValueError as error:
            raise invalid([FieldError("/webhookUrl", str(error))]) from None
        except ForbiddenAddressError as error:
            detail = f"expected a URL with a public address, or one of security.allowedNetworks: {error}"
            raise invalid([FieldError("/webhookUrl", detail)]) from None
        except OSError:  # TimeoutError is one
            return

    def close(self) -> None:
        """Wait for no thread; one that waits for a name server ends with its answer."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask_system(self, host: str) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
        return [str(entry[4][0]) for entry in found]


WEBHOOK_NAMES: web.AppKey[WebhookNames] = web.AppKey("webhook_names", WebhookNames)


async def open_names(app: web.Application) -> AsyncIterator[None]:
    """Have the names as long as the application runs."""
    security = app[SETTINGS].security
    names = app[WEBHOOK_NAMES] = WebhookNames(security.allowed_networks, security.allowed_ports)
    yield
    names.close()
