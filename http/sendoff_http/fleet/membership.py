"""This process as a member of the fleet: it hears of starts and stops, and can command them."""

from collections.abc import AsyncIterator

from aiohttp import web

from sendoff_control.fleet import join_fleet, make_member
from sendoff_http.web.keys import CLOCK, IDENTITY, MEMBER, POOL, SETTINGS


async def join(app: web.Application) -> AsyncIterator[None]:
    """Be a member as long as the application runs; it has no requests of its own in flight."""
    app[MEMBER] = make_member(app[SETTINGS], app[POOL], app[IDENTITY], app[CLOCK])
    async with join_fleet(app[MEMBER]):
        yield
