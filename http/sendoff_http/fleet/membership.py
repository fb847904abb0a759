"""This process as a member of the fleet: it hears of starts and stops, and can command them."""

from collections.abc import AsyncIterator

from aiohttp import web

from sendoff_control.fleet import join_fleet
from sendoff_http.web.keys import CLOCK, IDENTITY, MEMBER, POOL, SETTINGS


async def join(app: web.Application) -> AsyncIterator[None]:
    """Be a member as long as the application runs; it has no requests of its own in flight."""
    async with join_fleet(
        app[SETTINGS], app[POOL], app[IDENTITY], app[CLOCK], in_flight=lambda: 0, on_change=lambda _: None
    ) as member:
        app[MEMBER] = member
        yield
