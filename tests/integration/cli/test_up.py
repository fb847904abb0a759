"""`sendoff up`: everything on one machine, and nothing of it afterwards."""

import json
import signal
import sys
import urllib.request
from pathlib import Path

import psycopg
import pytest

from sendoff_domain.encryption_key import encryption_key_id, parse_encryption_key
from sendoff_webhooks.keys.encryption import KeyCipher
from sendoff_webhooks.keys.signing_keys import read_keys
from support.client import Client
from support.command_line import Running, running
from support.waiting import wait_until
from support.warm_command import sendoff


def ready(started: Running) -> None:
    started.wait_until_said("Sendoff is ready")
    started.processes()


def sample_url(started: Running) -> str:
    return next(line for line in started.said.splitlines() if "Sample webhook" in line).split()[2]


def messages_at(url: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(url, timeout=5) as response:
        messages: list[dict[str, object]] = json.loads(response.read())["messages"]
    return messages


def test_a_message_reaches_the_sample_webhook(up: Running, folder: Path) -> None:
    sent = sendoff("send", "--to", "jane", "--content", "Hello", "--url", up.url, "--json", folder=folder)
    message = json.loads(sent.stdout)["id"]
    wait_until(lambda: message in [one["id"] for one in messages_at(sample_url(up))], "the message arrived")
    up.wait_until_said("jane Hello")
    wait_until(lambda: up.get(f"/v1/messages/{message}")["status"] == "sent", "the message is recorded as sent")


def test_the_sample_may_be_called_for_the_default_customer_alone(up: Running) -> None:
    api = Client(up.url)
    for url in (sample_url(up), "http://127.0.0.1:9/"):
        answer = api.call("POST", "/v1/customers", {"id": "stranger", "webhookUrl": url})
        assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/webhookUrl")
    answer = api.call("POST", "/v1/customers/default/test")
    assert answer.body["verdict"] == {"delivered": True}


def test_the_summary_tells_where_everything_is(up: Running) -> None:
    said = up.said
    assert f"API             {up.url}" in said
    assert f"{up.url}/swagger/index.html" in said
    assert Path(up.data).is_dir()
    assert f"curl {up.url}/v1/messages" in said


def test_the_addresses_of_the_servers_are_kept_with_the_data(up: Running) -> None:
    data = Path(up.data)
    assert set(json.loads((data / "servers.json").read_text())) == {"postgres", "redis", "nats"}
    assert (data / "servers.json").stat().st_mode & 0o777 == 0o600


async def test_the_signing_keys_are_sealed_with_a_key_that_is_kept_with_the_data(up: Running) -> None:
    file = Path(up.data) / "encryption.key"
    assert file.stat().st_mode & 0o777 == 0o600
    key = parse_encryption_key(file.read_text())
    url = json.loads((Path(up.data) / "servers.json").read_text())["postgres"]
    async with await psycopg.AsyncConnection.connect(url) as connection:
        rows = await connection.execute("SELECT sealed_key FROM customer_secrets")
        sealed = [row[0] for row in await rows.fetchall()]
        assert [len(one.key) for one in await read_keys(connection, KeyCipher([key]), "default")] == [32]
    assert all(one.startswith(b"\1" + encryption_key_id(key)) for one in sealed)
    assert file.read_text().strip() not in up.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_stops_everything_and_leaves_no_process(folder: Path, number: signal.Signals) -> None:
    with running("up", "--data", folder / "data", folder=folder) as started:
        ready(started)
        assert started.stop(number) == 0
        assert started.seen
        assert started.survivors() == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_nothing_outlives_a_killed_parent_and_the_data_is_there_again(folder: Path) -> None:
    with running("up", "--data", folder / "data", folder=folder) as started:
        ready(started)
        sent = sendoff(
            "send", "--to", "a", "--content", "b", "--in", "1h", "--url", started.url, "--json", folder=folder
        )
        key = (folder / "data" / "encryption.key").read_bytes()
        started.stop(signal.SIGKILL)
        wait_until(lambda: not started.survivors(), "every process is gone", timeout=60)
    with running("up", "--data", folder / "data", folder=folder) as again:
        ready(again)
        assert again.get(f"/v1/messages/{json.loads(sent.stdout)['id']}")["status"] == "scheduled"
        assert (folder / "data" / "encryption.key").read_bytes() == key
        assert "do not open" not in again.said


def test_the_sample_may_be_called_whatever_else_may_be(folder: Path) -> None:
    with running("up", "--data", folder / "data", folder=folder, SECURITY__ALLOWED_PORTS="[443]") as started:
        ready(started)
        sendoff("send", "--to", "jane", "--content", "Hello", "--url", started.url, folder=folder)
        started.wait_until_said("jane Hello")
        assert started.stop(signal.SIGTERM) == 0


def test_events_are_published_without_the_ingest(folder: Path) -> None:
    with running("up", "--data", folder / "data", folder=folder, EVENTS__ENABLED="true") as started:
        ready(started)
        started.wait_until_said("publishing events")
        assert "taking messages in" not in started.said
        assert started.stop(signal.SIGTERM) == 0


def test_events_beside_the_ingest_have_a_process_of_their_own(folder: Path) -> None:
    enabled = {"EVENTS__ENABLED": "true", "INGEST__ENABLED": "true"}
    with running("up", "--data", folder / "data", folder=folder, **enabled) as started:
        ready(started)
        started.wait_until_said("publishing events")
        assert started.said.count("publishing events") == started.said.count("taking messages in") == 1
        assert (started.one("sendoff events").nice(), started.one("sendoff ingest").nice()) == (10, 0)
        assert started.stop(signal.SIGTERM) == 0


def test_a_killed_worker_comes_back_and_a_dead_server_ends_everything(folder: Path) -> None:
    with running("up", "--data", folder / "data", folder=folder) as started:
        ready(started)
        started.one("sendoff worker").kill()
        started.wait_until_said("worker 0 was ended by SIGKILL; it starts again in 1 s")
        wait_until(lambda: started.named("sendoff worker"), "a worker runs again")
        started.one("nats-server").kill()
        assert started.wait() == 1
        assert "nats was ended by SIGKILL" in started.said
        assert started.survivors() == []


def test_a_second_one_on_the_same_folder_or_port_is_refused(up: Running, folder: Path) -> None:
    same_folder = sendoff("up", "--data", up.data, folder=folder, HTTP__PORT="0")
    assert same_folder.returncode == 1
    assert "is in use by another sendoff" in same_folder.stderr
    same_port = sendoff("up", "--data", folder / "data", folder=folder, HTTP__PORT=str(up.port))
    assert same_port.returncode == 1
    assert f"port {up.port} of 127.0.0.1 is in use" in same_port.stderr
    assert "Traceback" not in same_folder.stderr + same_port.stderr


def test_a_wrong_setting_is_refused_before_anything_is_started(folder: Path) -> None:
    (folder / "config.yaml").write_text("scheduler: {interval: soon}\n")
    refused = sendoff("up", "--data", folder / "data", folder=folder)
    assert refused.returncode == 2
    assert refused.stderr.startswith("sendoff: config.yaml: scheduler.interval: expected a duration")
    assert not (folder / "data").exists()
