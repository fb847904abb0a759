"""`sendoff worker`, `sendoff http` and `sendoff migrate` on servers that somebody else runs."""

import json
import urllib.error
from pathlib import Path

import psycopg
import pytest

from support.command_line import Running, command_of, running
from support.receiver import Receiver
from support.waiting import wait_until
from support.warm_command import sendoff
from support.whole_sendoff import free_port

Addresses = dict[str, str]


def answers(started: Running) -> bool:
    try:
        return bool(started.get("/health/ready")["status"] == "ready")
    except (urllib.error.URLError, OSError):
        return False


def test_migrate_applies_once_and_can_be_repeated(database: str, folder: Path) -> None:
    first = sendoff("migrate", "--json", folder=folder, POSTGRES__URL=database)
    assert first.returncode == 0
    assert json.loads(first.stdout)["applied"][0] == "0001_schema"
    again = sendoff("migrate", folder=folder, POSTGRES__URL=database)
    assert (again.returncode, again.stdout.strip()) == (0, "the database is up to date")


def test_migrate_without_a_database_says_what_to_do(folder: Path) -> None:
    failed = sendoff("migrate", folder=folder)
    assert failed.returncode == 1
    assert "postgres.url is not set" in failed.stderr
    assert "sendoff up" in failed.stderr


def test_workers_and_api_of_two_commands_deliver_together(
    sendoff_database: str, addresses: Addresses, receiver: Receiver, folder: Path
) -> None:
    settings = {
        **addresses,
        "POSTGRES__URL": sendoff_database,
        "WEBHOOK__URL": receiver.url,
        "SECURITY__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
        "SCHEDULER__INTERVAL": "50ms",
    }
    with (
        running("http", folder=folder, **settings) as http,
        running("worker", folder=folder, **settings, INSTANCE="named") as worker,
    ):
        http.wait_until_said("Sendoff is ready")
        worker.wait_until_said("instance named: worker 0")
        sent = sendoff("send", "--to", "a", "--content", "b", "--url", http.url, "--json", folder=folder)
        wait_until(lambda: receiver.of(json.loads(sent.stdout)["id"]), "the message arrived")
        assert worker.stop() == 0
        assert http.stop() == 0
        assert worker.survivors() + http.survivors() == []


def test_up_with_all_addresses_starts_no_server_and_no_sample(
    database: str, addresses: Addresses, folder: Path
) -> None:
    data = folder / "data"
    with running("up", "--data", data, folder=folder, POSTGRES__URL=database, **addresses) as started:
        started.wait_until_said("Sendoff is ready")
        assert "Sample webhook" not in started.said
        assert not data.exists()
        shown = {" ".join(command_of(one)) for one in started.processes()}
        assert shown == {"sendoff fork server", "sendoff http 0", "sendoff worker 0"}
        assert started.stop() == 0


def test_all_processes_of_an_instance_share_one_port_and_one_name(
    sendoff_database: str, addresses: Addresses, folder: Path
) -> None:
    settings = {**addresses, "POSTGRES__URL": sendoff_database, "HTTP__PROCESSES": "2", "INSTANCE": "twins"}
    with running("http", folder=folder, **settings) as started:
        started.wait_until_said("Sendoff is ready")
        wait_until(
            lambda: [one["processes"] for one in started.get("/v1/scheduler")["instances"]] == [2],
            "both processes are known",
        )
        (instance,) = started.get("/v1/scheduler")["instances"]
        assert instance["instance"] == "twins"


def test_an_api_waits_for_the_schema(database: str, addresses: Addresses, folder: Path) -> None:
    with running("http", folder=folder, POSTGRES__URL=database, **addresses) as started:
        started.wait_until_said("waiting for `sendoff migrate`")
        assert sendoff("migrate", folder=folder, POSTGRES__URL=database).returncode == 0
        wait_until(lambda: answers(started), "the API answers")


@pytest.mark.parametrize("command", ["worker", "http"])
def test_without_addresses_a_part_is_refused(command: str, folder: Path) -> None:
    refused = sendoff(command, folder=folder)
    assert refused.returncode == 2
    assert "expected postgres.url, redis.brokerUrl and redis.cacheUrl to be set" in refused.stderr


def test_the_ingest_without_an_address_of_nats_is_refused(sendoff_database: str, folder: Path) -> None:
    addresses = {"REDIS__BROKER_URL": "redis://127.0.0.1:1/0", "REDIS__CACHE_URL": "redis://127.0.0.1:1/1"}
    refused = sendoff("ingest", folder=folder, POSTGRES__URL=sendoff_database, **addresses)
    assert refused.returncode == 2
    assert "expected nats.url to be set" in refused.stderr


def test_a_database_that_is_newer_is_refused(sendoff_database: str, addresses: Addresses, folder: Path) -> None:
    with psycopg.connect(sendoff_database) as connection:
        connection.execute("INSERT INTO migrations (name, digest) VALUES ('9999_future', 'x')")
    for command in ("migrate", "http"):
        refused = sendoff(
            command, folder=folder, POSTGRES__URL=sendoff_database, HTTP__PORT=str(free_port()), **addresses
        )
        assert refused.returncode == 1
        assert "9999_future, which this version does not know" in refused.stderr
        assert "Traceback" not in refused.stderr
