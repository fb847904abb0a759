"""Statements live in `.sql` files beside the code that runs them, one each, named by a verb."""

from functools import cache
from importlib import resources


@cache
def read_statement(package: str, name: str) -> bytes:
    """The text of `<name>.sql` in that package, without its comment lines.

    It is bytes because psycopg refuses strings that a type checker cannot prove to be literals.
    Raises FileNotFoundError for a statement that does not exist.
    """
    text = resources.files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--")).strip().encode()
