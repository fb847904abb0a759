"""Workers that are killed within the steps of an import: each line is stored once, none is lost."""

import gzip
import json
from collections.abc import Iterator
from functools import partial

import psycopg
import pytest

from support.client import Client
from support.instances import Launcher
from support.job_steps import Database, count, kill_within_a_step
from support.waiting import wait_until

LINES, OF_PIECE = 20_000, 500
KILLS = 3
HEADERS = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}


@pytest.fixture
def db(sendoff_database: str) -> Iterator[Database]:
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        yield connection


def uploaded(api: Client) -> str:
    """The path of an import of all lines, every hundredth of which is no message; some pieces are sent twice."""
    path = api.call("POST", "/v1/messages/import").headers["Location"]
    for piece in range(LINES // OF_PIECE):
        numbers = range(piece * OF_PIECE, (piece + 1) * OF_PIECE)
        texts = [json.dumps({"to": f"n{number}", "content": number} if number % 100 else {}) for number in numbers]
        for _ in range(1 + piece % 2):
            body = gzip.compress("\n".join(texts).encode())
            assert api.call("PUT", f"{path}/pieces/{piece}", body, HEADERS).status == 200
    return path


@pytest.mark.timeout(300)
def test_an_import_whose_workers_are_killed_three_times_stores_each_line_once(
    launch: Launcher, api: Client, db: Database
) -> None:
    assert api.call("POST", "/v1/scheduler/stop").status < 300
    path = uploaded(api)
    assert api.call("POST", f"{path}/resume").body["matched"] == LINES
    shown: int = 0

    def has_done(part: int) -> bool:
        nonlocal shown
        job = api.call("GET", path).body
        taken = int(job["done"] + job["rejected"])
        assert taken >= shown, "progress never goes back"
        assert job["error"] is None
        shown = taken
        return part <= shown

    for kill in range(1, KILLS + 1):
        workers, part = launch.instance(f"n{kill}"), LINES * kill // (KILLS + 2)
        wait_until(partial(has_done, part), f"{part} are done", timeout=60, every=0.002)
        kill_within_a_step(db, workers)
        assert not has_done(LINES)
    launch.instance("last")
    wait_until(lambda: has_done(LINES), "all lines are taken", timeout=60)
    wait_until(lambda: api.call("GET", path).body["state"] == "done", "the import is done")

    job = api.call("GET", path).body
    assert (job["done"], job["skipped"], job["rejected"]) == (LINES * 99 // 100, 0, LINES // 100)
    assert count(db, b"SELECT count(*) FROM messages") == count(db, b"SELECT count(*) FROM due") == job["done"]
    assert count(db, b"SELECT count(DISTINCT recipient) FROM messages") == job["done"]
    assert count(db, b"SELECT count(*) FROM job_pieces") == 0
    refused = api.call("GET", f"{path}/rejections").body
    assert ([one["line"] for one in refused["data"][:2]], refused["rejected"]) == ([1, 101], LINES // 100)
