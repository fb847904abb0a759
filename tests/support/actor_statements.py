"""The statements of the actors, found by their names wherever their slice keeps them."""

from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from sendoff_db.sql import read_statement

ACTORS = Path(__file__).parents[2] / "actors"


def statement_names() -> list[str]:
    """The names of all of them."""
    return sorted(path.stem for path in ACTORS.rglob("*.sql"))


def statement_text(name: str) -> bytes:
    """The text of one, without comments; AssertionError unless there is exactly one of that name."""
    paths = list(ACTORS.rglob(f"{name}.sql"))
    assert len(paths) == 1, (name, paths)
    return read_statement(".".join(paths[0].parent.relative_to(ACTORS).parts), name)


async def run_statement(db: AsyncConnection[Any], name: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Run one and return its rows."""
    cursor = await db.execute(statement_text(name), values)
    return await cursor.fetchall() if cursor.description else []
