"""Workers that are killed within the steps of a job: each message is moved once, never faster than is allowed.

JOB_LETTERS=50000 resends more dead letters than the thousand of every run.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from functools import partial

import psycopg
import pytest

from sendoff_domain.jobs import step_size
from support.client import Client
from support.instances import Launcher
from support.job_steps import Database, count, kill_within_a_step
from support.places import bury_new
from support.receiver import Receiver
from support.waiting import wait_until

LETTERS = int(os.environ.get("JOB_LETTERS", "1000"))
#: Twelve steps at least, so that three deaths fall into the middle.
RATE = min(5_000, LETTERS // 3)
KILLS = 3


class Followed:
    """A resend of all dead letters; each look holds it to what a job promises."""

    def __init__(self, api: Client, db: Database) -> None:
        self._api, self._db = api, db
        answer = api.call("POST", "/v1/dead-letters/resend", {"all": True, "rate": RATE, "hold": True})
        assert answer.status == 202, answer
        self.path = answer.headers["Location"]
        self.matched: int = answer.body["matched"]
        assert api.call("POST", f"{self.path}/resume").status == 200
        self._begun, self._shown, self._seen = time.monotonic(), 0, self._row()

    def look(self) -> int:
        """How many were moved so far, as the API says it."""
        job = self._api.call("GET", self.path).body
        assert job["done"] >= self._shown, "done never goes back"
        assert job["done"] <= RATE * (time.monotonic() - self._begun) + step_size(RATE), "the rate is held"
        assert (job["skipped"], job["error"]) == (0, None), job
        self._shown = job["done"]
        self._look_closer()
        return self._shown

    def _look_closer(self) -> None:
        """Steps keep their distance by the clock of PostgreSQL, however long a start takes; none catches up."""
        (done_before, next_before, _), (done, next_step_at, left) = self._seen, self._row()
        assert done + left == LETTERS, "a message is moved and counted at one moment"
        assert 0 <= done - done_before <= RATE * (next_step_at - next_before) + 1, "the rate is held from step to step"
        self._seen = done, next_step_at, left

    def _row(self) -> tuple[int, float, int]:
        """What the job has done, when its next step is due, and how many dead letters there are, at one moment."""
        columns = b"done, extract(epoch FROM next_step_at)::float8, (SELECT count(*) FROM dead_letters)"
        row = self._db.execute(b"SELECT " + columns + b" FROM jobs").fetchone()
        assert row is not None
        return row[0], row[1], row[2]

    def has_done(self, part: int) -> bool:
        """Whether so many were moved."""
        return self.look() >= part

    def is_done(self) -> bool:
        """Whether it has come to its end."""
        self.look()
        return bool(self._api.call("GET", self.path).body["state"] == "done")


@pytest.fixture
def db(sendoff_database: str) -> Iterator[Database]:
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        yield connection


@pytest.mark.timeout(300 + LETTERS // 100)
def test_a_resend_whose_workers_are_killed_three_times_sends_each_dead_letter_again_once(
    launch: Launcher, api: Client, receiver: Receiver, db: Database
) -> None:
    ids = asyncio.run(buried(db.info.dsn, db.info.password))
    assert api.call("POST", "/v1/scheduler/stop").status < 300
    job = Followed(api, db)
    assert job.matched == LETTERS
    for kill in range(1, KILLS + 1):
        workers, part = launch.instance(f"n{kill}"), LETTERS * kill // (KILLS + 2)
        wait_until(partial(job.has_done, part), f"{part} are done", timeout=60, every=0.002)
        kill_within_a_step(db, workers)
        assert job.look() < LETTERS
    launch.instance("last")
    wait_until(job.is_done, "the job is done", timeout=60 + 3 * LETTERS / RATE, every=0.002)

    assert job.look() == LETTERS
    assert count(db, b"SELECT count(*) FROM dead_letters") == 0
    assert count(db, b"SELECT count(*) FROM due WHERE generation = 1 AND holder IS NULL") == LETTERS
    assert count(db, b"SELECT count(*) FROM due") == LETTERS
    assert not receiver.ids(), "the fleet is stopped"
    assert api.call("POST", "/v1/scheduler/start").status < 300
    wait_until(lambda: len(receiver.ids()) == LETTERS, "every message arrived", timeout=60 + LETTERS / 50, every=0.2)
    wait_until(lambda: count(db, b"SELECT count(*) FROM due") == 0, "every message is recorded as sent", timeout=60)
    assert set(receiver.ids()) == {f"msg_{one}" for one in ids}
    assert set(receiver.ids().values()) == {1}


async def buried(dsn: str, password: str) -> list[str]:
    """The dead letters, by the hexadecimal digits of their ids."""
    async with await psycopg.AsyncConnection.connect(dsn, password=password, autocommit=True) as connection:
        return [one.hex for one in await bury_new(connection, LETTERS)]
