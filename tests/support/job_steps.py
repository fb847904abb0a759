"""Workers that are killed in the middle of a step of a job."""

import signal
from typing import Any

import psycopg

from support.instances import Process
from support.waiting import wait_until

Database = psycopg.Connection[tuple[Any, ...]]


def kill_within_a_step(db: Database, workers: list[Process]) -> None:
    """Freeze the workers again and again until one of them is in the middle of a step, and kill them there."""

    def frozen_within_a_step() -> bool:
        if not is_in_a_step(db):
            return False
        for worker in workers:
            worker.signal(signal.SIGSTOP)
        if is_in_a_step(db):
            return True
        for worker in workers:
            worker.signal(signal.SIGCONT)
        return False

    wait_until(frozen_within_a_step, "a worker is frozen within a step", timeout=60, every=0.002)
    for worker in workers:
        worker.kill()
    wait_until(lambda: not is_in_a_step(db), "PostgreSQL has ended what they had begun")


def is_in_a_step(db: Database) -> bool:
    """Whether a transaction has locked a row of `jobs`, as a step does from its beginning to its end."""
    locks = b"SELECT count(*) FROM pg_locks WHERE relation = 'jobs'::regclass AND mode = 'RowShareLock' AND granted"
    return count(db, locks + b" AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") > 0


def count(db: Database, query: bytes) -> int:
    row = db.execute(query).fetchone()
    assert row is not None
    return int(row[0])
