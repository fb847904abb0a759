"""A process that may open too few files: no webhook is blamed for it, and it recovers by itself."""

import http.client
import json
import resource
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from support.client import Client
from support.few_files import no_file_left
from support.instances import Launcher
from support.receiver import Receiver, running_receiver
from support.waiting import wait_until
from support.whole_sendoff import add_customer, free_port

COUNT = 30


@pytest.fixture
def other() -> Iterator[Receiver]:
    """A webhook to which no connection is kept yet."""
    with running_receiver() as running:
        yield running


def may_open(pid: int, files: int) -> bool:
    return resource.prlimit(pid, resource.RLIMIT_NOFILE) == (files, files)


def reason(api: Client) -> str:
    answer = api.call("GET", "/health/ready")
    return "" if answer.status == 200 else str(answer.body["detail"])


@pytest.mark.timeout(180)
def test_a_worker_without_files_gives_back_what_it_cannot_try(
    launch: Launcher, api: Client, other: Receiver, sendoff_database: str
) -> None:
    worker = launch.worker()
    api.wait_for(api.send(), "sent", timeout=60)
    for number in range(COUNT):
        add_customer(api, other, f"c{number}")
    with no_file_left(worker.popen.pid):
        began = time.monotonic()
        ids = [api.send(customer=f"c{number}") for number in range(COUNT)]
        wait_until(lambda: "workers are short" in reason(api), "readiness says it", timeout=60)
        time.sleep(2)  # it is tried again meanwhile, now and then
        passed = time.monotonic() - began
        assert {api.message(one)["status"] for one in ids} <= {"scheduled", "sending"}
    for one in ids:
        assert api.wait_for(one, "sent", timeout=60)["attempts"] == 1
        assert api.call("GET", f"/v1/messages/{one}/attempts").body["data"][0].get("errorClass") is None
    assert sorted(other.ids().values()) == [1] * COUNT
    wait_until(lambda: reason(api) == "", "it is ready again", timeout=60)
    with psycopg.connect(sendoff_database) as connection:
        moves = connection.execute("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'due'").fetchone()
    assert moves is not None
    assert moves[0] < 2 * COUNT * (passed + 5), "claimed and given back once a second, not in every interval"
    log = worker.log.read_text()
    assert log.count("too few open files, ports or memory") == 1
    assert log.count("enough open files, ports and memory again") == 1


@pytest.mark.timeout(120)
def test_more_requests_than_files_are_never_begun(launch: Launcher, api: Client, receiver: Receiver) -> None:
    receiver.answer_late(0.3)
    worker = launch.worker(files="-n 128")
    ids = api.send_many(200)
    for one in ids:
        assert api.wait_for(one, "sent", timeout=60)["attempts"] == 1
    assert receiver.peak <= 32
    assert "fewer requests at once than maxConcurrent" in worker.log.read_text()


@pytest.mark.timeout(120)
def test_the_soft_limit_is_raised_at_the_start(launch: Launcher) -> None:
    port = free_port()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for process in (launch.worker(files="-Sn 200"), launch.api(port, files="-Sn 200")):
        wait_until(partial(may_open, process.popen.pid, hard), "it is raised", timeout=60)


@pytest.mark.timeout(120)
def test_a_test_message_that_could_not_be_tried_says_nothing_of_the_webhook(
    launch: Launcher, receiver: Receiver
) -> None:
    port = free_port()
    process = launch.api(port)
    url = urlsplit(f"http://127.0.0.1:{port}")
    add_customer(Client(url.geturl()), receiver, "acme")
    with closing(http.client.HTTPConnection(url.netloc, timeout=30)) as connection:

        def call(method: str, path: str) -> tuple[int, dict[str, Any]]:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

        call("GET", "/v1/customers/acme")
        for _ in range(2):  # the first time it lacks files of its own, too
            with no_file_left(process.popen.pid):
                status, problem = call("POST", "/v1/customers/acme/test")
            assert (status, problem["code"]) == (503, "unavailable")
            assert call("POST", "/v1/customers/acme/test")[1]["verdict"] == {"delivered": True}
    assert len(receiver.received) == 2
