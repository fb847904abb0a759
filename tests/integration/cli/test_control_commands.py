"""`sendoff start | stop | status`, through the API and without one."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from support.command_line import COMMAND, Running, clean_environment, invoke
from support.whole_sendoff import free_port


def status(folder: Path, **settings: str) -> dict[str, Any]:
    done = invoke("status", "--json", folder=folder, **settings)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.fixture
def alone(sendoff_database: str) -> dict[str, str]:
    """The settings of a database to which no API belongs."""
    return {"POSTGRES__URL": sendoff_database, "HTTP__PORT": str(free_port())}


def test_stop_and_start_reach_every_instance_through_the_api(up: Running, folder: Path) -> None:
    stopped = invoke("stop", "--wait", "5s", "--reason", "a test", "--url", up.url, "--json", folder=folder)
    assert stopped.returncode == 0, stopped.stderr
    result = json.loads(stopped.stdout)
    assert (result["status"], result["desired"], result["converged"]) == ("accepted", "stopped", True)
    assert status(folder, URL=up.url)["instances"][0]["actual"] == "stopped"
    started = invoke("start", "--wait", "5s", "--url", up.url, folder=folder)
    assert started.returncode == 0
    assert "global is running" in started.stdout
    assert "every instance has applied it" in started.stdout


def test_the_embedded_database_is_found_by_the_data_folder(up: Running, folder: Path) -> None:
    done = invoke("status", "--data", up.data, "--json", folder=folder, HTTP__PORT=str(free_port()))
    assert "asking PostgreSQL itself" in done.stderr
    assert [one["processes"] for one in json.loads(done.stdout)["instances"]] == [2]


def test_without_an_api_postgresql_decides(alone: dict[str, str], folder: Path) -> None:
    stopped = invoke("stop", "--json", "--reason", "a test", folder=folder, **alone)
    assert json.loads(stopped.stdout)["desired"] == "stopped"
    assert "no API at" in stopped.stderr
    document = status(folder, **alone)
    assert (document["desired"], document["revision"], document["instances"]) == ("stopped", 2, [])
    again = json.loads(invoke("stop", "--json", folder=folder, **alone).stdout)
    assert (again["status"], again["revision"]) == ("no_change", 2)
    with psycopg.connect(alone["POSTGRES__URL"]) as connection:
        rows = connection.execute("SELECT action, origin, reason FROM control_commands ORDER BY received_at").fetchall()
    assert rows == [("stop", "cli", "a test"), ("stop", "cli", None)]


def test_a_customer_is_stopped_alone(alone: dict[str, str], folder: Path) -> None:
    assert invoke("stop", "--scope", "default", folder=folder, **alone).returncode == 0
    document = status(folder, **alone)
    assert document["desired"] == "running"
    assert [one["scope"] for one in document["scopes"]] == ["default"]
    assert "customer default is stopped" in invoke("status", folder=folder, **alone).stdout


def test_waiting_in_vain_fails(alone: dict[str, str], folder: Path) -> None:
    with psycopg.connect(alone["POSTGRES__URL"]) as connection:
        connection.execute(
            "INSERT INTO processes (instance, process, role, host, pid, version, started_at, heartbeat_at, epoch,"
            " revision, actual, in_flight, buses)"
            " VALUES ('deaf', 0, 'worker', 'h', 1, '0', now(), now() + interval '1 hour', 1, 1, 'running', 0, '{}')"
        )
    waited = invoke("stop", "--wait", "300ms", folder=folder, **alone)
    assert waited.returncode == 1
    assert "not every instance has applied it" in waited.stdout


def test_an_api_that_was_named_is_not_replaced_by_the_database(alone: dict[str, str], folder: Path) -> None:
    failed = invoke("stop", "--url", f"http://127.0.0.1:{alone['HTTP__PORT']}", folder=folder, **alone)
    assert failed.returncode == 1
    assert "no API at" in failed.stderr
    assert status(folder, **alone)["desired"] == "running"


def test_an_unmigrated_database_is_named(database: str, folder: Path) -> None:
    failed = invoke("status", folder=folder, POSTGRES__URL=database, HTTP__PORT=str(free_port()))
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1] == "sendoff: the database is not migrated: run `sendoff migrate`"


@pytest.mark.parametrize("arguments", [("stop", "--wait", "soon"), ("stop", "--scope", "a b"), ("restart",)])
def test_wrong_usage_is_refused_with_two(arguments: tuple[str, ...], folder: Path) -> None:
    refused = invoke(*arguments, folder=folder)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def test_the_fleet_is_watched_until_ctrl_c(up: Running, folder: Path) -> None:
    def watch(*words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*COMMAND, "status", "--watch", *words],
            cwd=folder,
            env=clean_environment({}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    with watch("--json", "--url", up.url) as watching:
        assert watching.stdout is not None
        seen = [json.loads(watching.stdout.readline()) for _ in range(2)]
        assert [one["desired"] for one in seen] == ["running"] * 2
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 0
    with watch("--url", f"http://127.0.0.1:{free_port()}") as watching:
        assert watching.stdout is not None
        assert "no API at" in watching.stdout.readline() + watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 0
