"""Adds pieces to an import that is held: in their order, each once, however often it is sent."""

import asyncio
import hashlib
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_one, run
from sendoff_domain.jobs import MOST_BYTES_HELD, MOST_BYTES_HELD_BY_ALL, JobState
from sendoff_intake.jobs.import_lines import count_lines

#: Lines compress well, and a piece is to be stored in milliseconds.
_LEVEL = 1


class NoPiece(StrEnum):
    """Why a piece was not added."""

    WRONG_STATE = "wrong_state"
    OUT_OF_ORDER = "piece_out_of_order"
    DIFFERS = "piece_differs"
    FULL = "imports_full"


@dataclass(frozen=True, slots=True)
class NewPiece:
    """A piece as it is stored, and what is in it."""

    number: int
    items: int
    lines: int
    body_hash: bytes
    body: bytes


async def make_piece(number: int, text: bytes) -> NewPiece:
    """Make a piece of lines of JSON."""
    lines, items = count_lines(text)
    body = await asyncio.to_thread(zlib.compress, text, _LEVEL)
    return NewPiece(number, items, lines, hashlib.sha256(text).digest(), body)


async def add_piece(connection: Connection, job_id: UUID, piece: NewPiece) -> NoPiece | None:
    """Add a piece behind the others; None if it is there, be it since an earlier request."""
    async with connection.transaction():
        row = await fetch_one(connection, __package__, "lock_import", {"id": job_id})
        if row is None or row[0] != JobState.HELD:
            return NoPiece.WRONG_STATE
        _, pieces, lines = row
        if piece.number < pieces:
            return await _compare(connection, job_id, piece)
        if piece.number > pieces:
            return NoPiece.OUT_OF_ORDER
        return await _insert(connection, job_id, piece, first_line=lines + 1)


async def _compare(connection: Connection, job_id: UUID, piece: NewPiece) -> NoPiece | None:
    row = await fetch_one(connection, __package__, "read_piece_hash", {"id": job_id, "number": piece.number})
    return None if row is not None and row[0] == piece.body_hash else NoPiece.DIFFERS


async def _insert(connection: Connection, job_id: UUID, piece: NewPiece, *, first_line: int) -> NoPiece | None:
    counted: dict[str, Any] = {
        "id": job_id,
        "items": piece.items,
        "lines": piece.lines,
        "size": len(piece.body),
        "most_of_job": MOST_BYTES_HELD,
        "most": MOST_BYTES_HELD_BY_ALL,
    }
    if await fetch_one(connection, __package__, "count_piece", counted) is None:
        return NoPiece.FULL
    values = {
        "id": job_id,
        "number": piece.number,
        "first_line": first_line,
        "body_hash": piece.body_hash,
        "body": piece.body,
    }
    await run(connection, __package__, "insert_piece", values)
    return None
