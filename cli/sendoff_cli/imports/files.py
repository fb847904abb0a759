"""Messages from files: NDJSON as it is, CSV by its columns."""

import csv
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sendoff_cli.imports.source_line import SourceLine
from sendoff_domain.errors import SendoffError
from sendoff_intake.jobs.import_lines import KEY_MEMBER
from sendoff_intake.message_input import MessageInput
from sendoff_intake.submission_reader import MESSAGE_LIMIT

#: What a column may be called; metadata and content may also be built of columns such as `metadata.orderId`.
_FIELDS = (*(field.alias or name for name, field in MessageInput.model_fields.items()), KEY_MEMBER)
_BUILT = ("metadata.", "content.")
_MOST_COLUMNS = 200
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def read_ndjson(path: Path, customer: str | None) -> Generator[SourceLine, None, None]:
    """The lines that are not empty; those that name no customer are for this one, if it is given."""
    with path.open("rb") as file:
        number = 0
        while text := file.readline(MESSAGE_LIMIT + 2):
            number += 1
            rest = text
            while not rest.endswith(b"\n") and (rest := file.readline(MESSAGE_LIMIT)):
                pass  # a line that is too long is refused, whatever stands at its end
            if text.strip():
                yield SourceLine(number, _with_customer(text.rstrip(b"\r\n"), customer))


def _with_customer(text: bytes, customer: str | None) -> bytes:
    if customer is None or (b'"customer"' in text and "customer" in _members(text)):
        return text
    members = _members(text)
    return msgspec.json.encode({"customer": customer, **members}) if members else text


def _members(text: bytes) -> dict[str, msgspec.Raw]:
    """The members of an object; none for what is no object, which the import refuses in words of its own."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def read_csv(path: Path, columns: Mapping[str, str], customer: str | None) -> Generator[SourceLine, None, None]:
    """The records of a CSV file with a head line as messages; `columns` renames its columns.

    Raises SendoffError for a column that is no field of a message, and for what is no CSV in UTF-8.
    """
    csv.field_size_limit(MESSAGE_LIMIT)
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = csv.reader(file, strict=True)
        try:
            names = [columns.get(name, name).strip() for name in next(records, [])]
            _require_fields(names)
            start = records.line_num + 1
            for record in records:
                if record:
                    yield SourceLine(start, _message(names, record, customer))
                start = records.line_num + 1
        except csv.Error as error:
            raise SendoffError(f"{path}, line {records.line_num}: no CSV: {error}") from None
        except UnicodeDecodeError:
            raise SendoffError(f"{path}: expected UTF-8, near line {records.line_num + 1}") from None


def _require_fields(names: list[str]) -> None:
    unknown = [name for name in names if name not in _FIELDS and not name.startswith(_BUILT)]
    unknown += [name for name in names if any(other.startswith(f"{name}.") for other in names)]
    if unknown or len(names) > _MOST_COLUMNS or len(set(names)) != len(names) or not names:
        found = ", ".join(map(repr, unknown[:5])) or f"{len(names)}, or one twice"
        expected = f"{', '.join(_FIELDS)}, metadata.KEY, content.KEY"
        raise SendoffError(f"expected columns named {expected}, got {found}; --map COLUMN=FIELD renames one")


def _message(names: list[str], record: list[str], customer: str | None) -> bytes:
    """The message of a record; an empty cell is left out. One cell too many is a mistake that the import names."""
    message: dict[str, Any] = {} if customer is None else {"customer": customer}
    for name, cell in zip(names, record, strict=False):
        field, dot, key = name.partition(".")
        if dot and cell:
            message.setdefault(field, {})[key] = cell
        elif not dot and (cell or name == "content"):
            message[name] = cell
    if len(record) > len(names):
        message["cells"] = len(record)
    return msgspec.json.encode(message)
