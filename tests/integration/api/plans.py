"""What PostgreSQL says of how it runs the statements of lists."""

from typing import Any

from support.api import Api


async def forbid_autovacuum(api: Api) -> None:
    """Let nobody but the test say when statistics are made."""
    partitions = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'messages'::regclass"
    for (partition,) in await (await api.db.execute(partitions.encode())).fetchall():
        await api.db.execute(f"ALTER TABLE {partition} SET (autovacuum_enabled = off)".encode())
    for table in ("dead_letters", "retries"):
        await api.db.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)".encode())


def rows_read(plan: dict[str, Any]) -> float:
    """How many rows a plan has taken from tables and indexes."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if "Relation Name" in plan else 0
    return float(own + sum(rows_read(inner) for inner in plan.get("Plans", [])))
