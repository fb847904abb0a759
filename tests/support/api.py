"""A running API server in this process, and a client that holds every answer against the OpenAPI document."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDictProxy
from psycopg import AsyncConnection

from sendoff_config.identity import Identity
from sendoff_config.settings import Settings
from sendoff_db.migrator import migrate
from sendoff_http.app import create_app
from sendoff_http.web.connections import ApiRunner
from support.openapi import Contract, contract_of
from support.seeding import seed


@dataclass(frozen=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def pointers(self) -> list[str]:
        """Where the mistakes are that a problem document names."""
        return [error["pointer"] for error in self.json.get("errors", [])]


@dataclass
class Api:
    """The client's side of a running server, with a connection to its database beside it."""

    url: str
    session: aiohttp.ClientSession
    contract: Contract
    db: AsyncConnection[Any]
    runner: ApiRunner

    async def call(self, method: str, path: str, *, checked: bool = True, **options: Any) -> Reply:
        async with self.session.request(method, self.url + path, allow_redirects=False, **options) as response:
            body = await response.read()
            reply = Reply(response.status, response.headers, body)
        assert reply.headers["X-Request-Id"]
        if reply.status >= 400 and method != "HEAD":
            assert response.content_type == "application/problem+json", body
            assert reply.json["requestId"] == reply.headers["X-Request-Id"]
            assert reply.json["status"] == reply.status
        if checked:
            self.contract.check(method, response.url.path, reply.status, response.content_type, body)
        return reply

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.call("GET", path, **options)

    async def post(self, path: str, document: Any = None, **options: Any) -> Reply:
        if document is not None:
            options["json"] = document
        return await self.call("POST", path, **options)

    async def create(self, **fields: Any) -> dict[str, Any]:
        """A message that was accepted."""
        reply = await self.post("/v1/messages", {"to": "someone", "content": "hello", **fields})
        assert reply.status == 202, reply.body
        message: dict[str, Any] = reply.json
        return message

    async def scalar(self, statement: str, *values: Any) -> Any:
        """The first column of the first row."""
        row = await (await self.db.execute(statement.encode(), values)).fetchone()
        return None if row is None else row[0]

    async def count(self, table: str) -> int:
        return int(await self.scalar(f"SELECT count(*) FROM {table}"))


def api_settings(database: str, **sections: Any) -> Settings:
    """Settings for a server on that database."""
    webhook = {"url": "http://127.0.0.1:9000/"}
    return Settings.model_validate({"postgres": {"url": database}, "webhook": webhook, **sections})


def _identity() -> Identity:
    return Identity("test", 0, "http", "localhost", os.getpid(), "0", datetime.now(UTC))


@asynccontextmanager
async def running_api(settings: Settings, *, prepare: bool = True) -> AsyncIterator[Api]:
    """A server on a free loopback port until the block ends."""
    async with await AsyncConnection.connect(settings.postgres.url or "", autocommit=True) as db:
        if prepare:
            await migrate(db)
            await seed(db, settings)
        runner = ApiRunner(create_app(settings, _identity()), shutdown_timeout=5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            url = "http://{}:{}".format(*runner.addresses[0][:2])
            async with aiohttp.ClientSession() as session:
                async with session.get(url + "/openapi.json") as response:
                    contract = contract_of(await response.text())
                yield Api(url, session, contract, db, runner)
        finally:
            await runner.cleanup()
