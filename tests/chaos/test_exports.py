"""Workers that are killed within the steps of an export: each message is in it once, none is missing."""

import json
import urllib.request
from collections.abc import Iterator
from functools import partial

import psycopg
import pytest

from support.client import Client
from support.instances import Launcher
from support.job_steps import Database, kill_within_a_step
from support.waiting import wait_until

MESSAGES, KILLS = 5_000, 3
#: So slow that three deaths fall into the middle.
RATE = 1_000


@pytest.fixture
def db(sendoff_database: str) -> Iterator[Database]:
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        yield connection


@pytest.mark.timeout(300)
def test_an_export_whose_workers_are_killed_three_times_has_each_message_once(
    launch: Launcher, api: Client, db: Database
) -> None:
    assert api.call("POST", "/v1/scheduler/stop").status < 300
    ids = api.send_many(MESSAGES)
    job = api.call("POST", "/v1/messages/export", {"all": True, "rate": RATE})
    assert job.body["matched"] == MESSAGES
    path = job.headers["Location"]

    def has_done(part: int) -> bool:
        return int(api.call("GET", path).body["done"]) >= part

    for kill in range(1, KILLS + 1):
        workers, part = launch.instance(f"n{kill}"), MESSAGES * kill // (KILLS + 2)
        wait_until(partial(has_done, part), f"{part} are done", timeout=60, every=0.005)
        kill_within_a_step(db, workers)
        assert not has_done(MESSAGES)
    launch.instance("last")
    wait_until(lambda: api.call("GET", path).body["state"] == "done", "the export is done", timeout=90)

    texts: list[bytes] = []
    for number in range(api.call("GET", path).body["pieces"]):
        with urllib.request.urlopen(f"{api.url}{path}/pieces/{number}", timeout=30) as piece:
            texts += piece.read().splitlines()
    assert [json.loads(text)["id"] for text in texts] == sorted(ids)
