"""The lines of a file or pipe as they come, without waiting for more of them than there are."""

import asyncio
import os
import threading
from collections import deque
from typing import NamedTuple

from sendoff_domain.errors import SendoffError

_CHUNK = 64 * 1024
#: A line that is longer is no message, and is not read to its end.
_LONGEST = 4 * 1024 * 1024


class Line(NamedTuple):
    """One line that is not blank, and its number in the input, from 1."""

    number: int
    text: bytes


class LineReader:
    """Reads a descriptor for any number of readers, each of which gets the next line."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = asyncio.Lock()
        self._lines: deque[Line] = deque()
        self._number = 0
        self._rest = b""
        self._has_ended = False
        self.bytes_read = 0

    async def next(self) -> Line | None:
        """The next line, None after the last one; raises SendoffError for one without end."""
        async with self._lock:
            while not self._lines and not self._has_ended:
                self._split(await self._chunk())
            return self._lines.popleft() if self._lines else None

    def _split(self, chunk: bytes) -> None:
        self.bytes_read += len(chunk)
        self._has_ended = not chunk
        *whole, self._rest = (self._rest + (chunk or b"\n")).split(b"\n")
        for text in whole:
            self._number += 1
            if text.strip():
                self._lines.append(Line(self._number, text))
        if len(self._rest) > _LONGEST:
            raise SendoffError(f"line {self._number + 1} is longer than {_LONGEST} bytes")

    async def _chunk(self) -> bytes:
        # In a thread that nobody waits for: a terminal may never answer, and Ctrl-C must end the command all the same.
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()

        def give(chunk: bytes | OSError) -> None:
            if answer.done():
                return
            if isinstance(chunk, OSError):
                answer.set_exception(SendoffError(f"the input cannot be read: {chunk.strerror}"))
            else:
                answer.set_result(chunk)

        def read() -> None:
            chunk: bytes | OSError
            try:
                chunk = os.read(self._descriptor, _CHUNK)
            except OSError as error:
                chunk = error
            if not loop.is_closed():
                loop.call_soon_threadsafe(give, chunk)

        threading.Thread(target=read, daemon=True).start()
        return await answer
