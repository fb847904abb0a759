"""Webhooks as the API calls them: with the Sender's client, now and then, for a person who waits."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from sendoff_domain.validation_errors import FieldError
from sendoff_domain.webhook_url import parse_host_port
from sendoff_http.web.keys import SETTINGS
from sendoff_http.web.problems import invalid
from sendoff_webhooks.client.name_lookup import NameLookup
from sendoff_webhooks.client.own_servers import own_servers
from sendoff_webhooks.client.webhook_client import WebhookClient

#: Each test may hang as long as its customer's timeout allows.
_MOST_TESTS_AT_ONCE = 50

WEBHOOK_CLIENT: web.AppKey[WebhookClient] = web.AppKey("webhook_client", WebhookClient)
#: A permit for each test of a webhook that may run.
WEBHOOK_TESTS: web.AppKey[asyncio.Semaphore] = web.AppKey("webhook_tests", asyncio.Semaphore)


async def hold_webhook_client(app: web.Application) -> AsyncIterator[None]:
    """Have the client as long as the application runs.

    It keeps neither names nor connections: a person who has just changed a name server or a webhook sees it at once.
    """
    settings = app[SETTINGS]
    security = settings.security
    client = app[WEBHOOK_CLIENT] = WebhookClient(
        allowed_networks=security.allowed_networks,
        allowed_ports=security.allowed_ports,
        own=own_servers(settings),
        trusted=map(parse_host_port, settings.webhook.trusted),
        lookup=NameLookup(security.allowed_networks, kept=0),
        idle_per_origin=0,
    )
    app[WEBHOOK_TESTS] = asyncio.Semaphore(_MOST_TESTS_AT_ONCE)
    yield
    await client.close()


async def refuse_forbidden_url(app: web.Application, url: str, customer_id: str = "") -> None:
    """Raise ProblemError 422 if it is known that requests to a customer's new URL would be forbidden."""
    reason = await app[WEBHOOK_CLIENT].why_forbidden(url, customer_id)
    if reason is not None:
        raise invalid([FieldError("/webhookUrl", reason)])
