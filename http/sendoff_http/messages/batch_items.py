"""From the body of a batch to its items: each is a submission, or the rejection of that item."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sendoff_domain.validation_errors import FieldError
from sendoff_http.messages.accepting import problem_of
from sendoff_http.web.body import BODY_LIMIT, parse_body
from sendoff_http.web.problems import invalid
from sendoff_intake.submission import Reason, Rejected, Submission
from sendoff_intake.submission_reader import SubmissionReader

MOST_ITEMS = 10_000
#: So many are stored by one statement, while the next ones are made.
ITEMS_PER_CHUNK = 1_000
#: Items are read in turns of about two milliseconds, so that other requests get their turn too.
_SECONDS_PER_TURN = 0.002

Item = Submission | Rejected
_TOO_LARGE = Rejected(Reason.CONTENT_TOO_LARGE, f"expected at most {BODY_LIMIT} bytes of a message")
_split_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


@dataclass(slots=True)
class Items:
    """The items of a batch: `texts` as they were sent in, `read` so far."""

    body: bytes
    texts: Sequence[bytes | msgspec.Raw]
    is_lines: bool
    key: str | None
    reader: SubmissionReader
    read: list[Item] = field(default_factory=list)

    @property
    def is_one_chunk(self) -> bool:
        """Whether the first chunk is the last one."""
        return len(self.texts) <= ITEMS_PER_CHUNK

    async def next_chunk(self) -> list[Submission] | None:
        """Read the next items; the answer has the good ones among them, and is None after the last chunk.

        Raises ProblemError 400 when it turns out here that an array is no JSON.
        """
        start = len(self.read)
        if start == len(self.texts):
            return None
        while len(self.read) < min(start + ITEMS_PER_CHUNK, len(self.texts)):
            if self.read:
                await asyncio.sleep(0)
            await self._read_some(min(start + ITEMS_PER_CHUNK, len(self.texts)))
        return [item for item in self.read[start:] if isinstance(item, Submission)]

    async def _read_some(self, end: int) -> None:
        named = "line" if self.is_lines else "body"
        until = time.perf_counter() + _SECONDS_PER_TURN
        while len(self.read) < end and time.perf_counter() < until:
            index = len(self.read)
            text = self.texts[index]
            # A key of the batch is a key of each item: the unit separator cannot be part of a key that a client gives.
            key = None if self.key is None else f"{self.key}\x1f{index}"
            item = _TOO_LARGE if len(text) > BODY_LIMIT else self.reader.read(bytes(text), key, named=named)
            if not self.is_lines and isinstance(item, Rejected) and item.reason is Reason.NOT_JSON:
                # An array is JSON as a whole or not at all; the reader of bodies says where in it the mistake is.
                await asyncio.to_thread(parse_body, self.body)
                raise problem_of(item)
            self.read.append(item)


async def read_items(body: bytes, is_lines: bool, key: str | None, reader: SubmissionReader) -> Items:
    """The items, not read yet; raises ProblemError 400 or 422 when the batch as a whole cannot be read."""
    texts = _lines(body) if is_lines else await _elements(body)
    if len(texts) > MOST_ITEMS:
        raise invalid([FieldError("", f"expected at most {MOST_ITEMS} messages, got {len(texts)}")])
    return Items(body, texts, is_lines, key, reader)


def _lines(body: bytes) -> list[bytes]:
    return [line for line in body.split(b"\n") if line.strip()]


async def _elements(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    try:
        return _split_array(body)  # 0.4 ms a megabyte
    except (msgspec.DecodeError, UnicodeDecodeError):
        # On a thread: Python's own reader takes a hundred times as long, and lets other threads run meanwhile.
        value: Any = await asyncio.to_thread(parse_body, body)
        if not isinstance(value, list):
            raise invalid([FieldError("", "expected an array of messages")]) from None
        return [msgspec.json.encode(one) for one in value]
