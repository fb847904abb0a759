"""Writes what an export has made into a file: NDJSON as it comes, or CSV; the file is there once it is whole."""

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sendoff_domain.errors import SendoffError

STANDARD_OUTPUT = Path("-")
_COLUMNS = (
    "id",
    "reference",
    "customer",
    "to",
    "content",
    "metadata",
    "status",
    "deliverAt",
    "expiresAt",
    "createdAt",
    "sentAt",
    "attempts",
    "externalMessageId",
)
Write = Callable[[bytes], object]


@contextmanager
def writing_export(path: Path) -> Iterator[Write]:
    """Something that takes the lines of each piece; raises SendoffError when they can't be written."""
    if path == STANDARD_OUTPUT:
        yield lambda lines: sys.stdout.write(lines.decode())
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield _as_csv(file.write) if path.suffix.lower() == ".csv" else file.write
        os.replace(part, path)
    except OSError as error:
        raise SendoffError(f"{path} can't be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def _as_csv(write: Write) -> Write:
    write(_records([_COLUMNS]))
    return lambda lines: write(_records(_cells(json.loads(line)) for line in lines.splitlines()))


def _records(rows: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(message: dict[str, Any]) -> list[Any]:
    """Texts as they are, all else that is no number as JSON; nothing for null."""
    found = (message[name] for name in _COLUMNS)
    return [cell if isinstance(cell, str | int | None) else json.dumps(cell, ensure_ascii=False) for cell in found]
