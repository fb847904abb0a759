"""From the body of a batch to its items: each is a submission, or the rejection of that item."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import msgspec
from msgspec import UNSET, UnsetType

from sendoff_domain.validation_errors import FieldError
from sendoff_http.web.body import BODY_LIMIT
from sendoff_http.web.problems import ProblemError, invalid
from sendoff_intake.submission import Reason, Rejected, Submission
from sendoff_intake.submission_reader import SubmissionReader

MOST_ITEMS = 10_000
#: So many are stored by one statement, while the next ones are made.
ITEMS_PER_CHUNK = 1_000
#: Items are read in turns of about two milliseconds, so that other requests get their turn too.
_SECONDS_PER_TURN = 0.002

Item = Submission | Rejected
_TOO_LARGE = Rejected(Reason.CONTENT_TOO_LARGE, f"expected at most {BODY_LIMIT} bytes of a message")
_split_array: Callable[[bytes], list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw]).decode
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
#: Up to so many commas an array is split before its items are counted: the parts take 72 bytes each.
_FEW_COMMAS = 20 * MOST_ITEMS


@dataclass(slots=True)
class Items:
    """The items of a batch: `texts` as they were sent in, `read` so far."""

    texts: Sequence[bytes | msgspec.Raw]
    is_lines: bool
    key: str | None
    reader: SubmissionReader
    customer: str | None
    trace: str | None = None
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
            self._read_some(min(start + ITEMS_PER_CHUNK, len(self.texts)))
        return [item for item in self.read[start:] if isinstance(item, Submission)]

    def _read_some(self, end: int) -> None:
        until = time.perf_counter() + _SECONDS_PER_TURN
        while len(self.read) < end and time.perf_counter() < until:
            index = len(self.read)
            text = self.texts[index]
            # A key of the batch is a key of each item: the unit separator cannot be part of a key that a client gives.
            key = None if self.key is None else f"{self.key}\x1f{index}"
            item = _TOO_LARGE if len(text) > BODY_LIMIT else self._read_item(bytes(text), key)
            if not self.is_lines and isinstance(item, Rejected) and item.reason is Reason.NOT_JSON:
                # An array is JSON as a whole or not at all.
                raise _not_json(f"in message {index}, {item.detail}")
            self.read.append(item)

    def _read_item(self, text: bytes, key: str | None) -> Item:
        named = "line" if self.is_lines else "body"
        return self.reader.read(text, key, named=named, customer=self.customer, trace=self.trace)


async def read_items(
    body: bytes,
    key: str | None,
    reader: SubmissionReader,
    *,
    is_lines: bool,
    customer: str | None = None,
    trace: str | None = None,
) -> Items:
    """The items, not read yet; raises ProblemError 400 or 422 when the batch as a whole cannot be read.

    With a `customer` items for any other are rejected one by one. `trace` is that of the request.
    """
    return Items(_lines(body) if is_lines else await _elements(body), is_lines, key, reader, customer, trace)


def _lines(body: bytes) -> list[bytes]:
    if body.count(b"\n") > 2 * MOST_ITEMS:  # there may be an empty one behind each
        raise _too_many()
    lines = [line for line in body.split(b"\n") if line.strip()]
    if len(lines) > MOST_ITEMS:
        raise _too_many()
    return lines


async def _elements(body: bytes) -> Sequence[msgspec.Raw]:
    is_small = body.count(b",") <= _FEW_COMMAS
    split = _split_array if is_small else await asyncio.to_thread(_counting_splitter)
    try:
        elements = split(body)  # 0.4 ms a megabyte
    except msgspec.ValidationError:
        _require_json(body)
        raise _too_many() if body.lstrip()[:1] == b"[" else _no_array() from None
    except _NOT_JSON as error:
        raise _not_json(f"the body is not valid JSON: {error}") from None
    if len(elements) > MOST_ITEMS:
        raise _too_many()
    return elements


@cache
def _counting_splitter() -> Callable[[bytes], list[msgspec.Raw]]:
    """A splitter of arrays that stops at the first element too many: as a list they would take 40 times their size.

    To msgspec it is one object that is written as an array, with a field for each element.
    """
    fields = [(f"item{index}", msgspec.Raw | UnsetType, UNSET) for index in range(MOST_ITEMS)]
    array = msgspec.defstruct("_Array", fields, array_like=True, forbid_unknown_fields=True)
    decode = msgspec.json.Decoder(array).decode

    def split(body: bytes) -> list[msgspec.Raw]:
        return [element for element in msgspec.structs.astuple(decode(body)) if element is not UNSET]

    return split


def _require_json(body: bytes) -> None:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except _NOT_JSON as error:
        raise _not_json(f"the body is not valid JSON: {error}") from None


def _no_array() -> ProblemError:
    return invalid([FieldError("", "expected an array of messages")])


def _too_many() -> ProblemError:
    return invalid([FieldError("", f"expected at most {MOST_ITEMS} messages, got more")])


def _not_json(detail: str) -> ProblemError:
    return ProblemError(400, "not_json", detail)
