"""The command on an API of the test's own process."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

from support.api import Api
from support.command_line import invoke


class ApiCommand:
    """The command on one API, in a thread of its own, since it has an event loop of its own."""

    def __init__(self, api: Api, folder: Path) -> None:
        self._api, self._folder = api, folder

    async def run(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        return await asyncio.to_thread(invoke, *words, "--url", self._api.url, folder=self._folder, stdin=stdin)

    async def said(self, *words: str, stdin: str = "") -> str:
        """All that it says; it must not fail."""
        done = await self.run(*words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    async def json(self, *words: str, stdin: str = "") -> Any:
        """What it has for a program; it must not fail."""
        done = await self.run(*words, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout[done.stdout.index("{\n") :])  # behind what the server in this process logs
