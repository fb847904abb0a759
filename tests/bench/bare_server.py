"""The ceiling of accepting: an aiohttp server that reads the body and answers 202, and stores nothing."""

import asyncio

import uvloop
from aiohttp import web


async def _accept(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=202, body=b'{"id":"x"}', content_type="application/json")


async def main() -> None:
    """Serve until the process is ended; prints the port."""
    app = web.Application()
    app.router.add_post("/v1/messages", _accept)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
