"""The numbers of a whole instance: every process of it tells, whoever is asked."""

import secrets
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command_line import Running, running
from support.metrics import names, samples, total
from support.producer import SMALL_STREAMS, remove_streams
from support.receiver import Receiver
from support.waiting import wait_until
from support.warm_command import sendoff
from support.whole_sendoff import free_port


def read(url: str) -> str:
    """What /metrics says; nothing while nobody answers."""
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as response:
            return str(response.read().decode())
    except OSError:
        return ""


def processes(text: str) -> set[str]:
    return {labels["process"] for _, labels in samples(text, "sendoff_process_info")}


def started_at(text: str, process: str) -> float:
    """When that process was started, in Unix seconds; 0 while it is not there."""
    return total(text, "process_start_time_seconds", process=process)


@pytest.fixture
def settings(
    sendoff_database: str, addresses: dict[str, str], receiver: Receiver, nats_url: str
) -> Iterator[dict[str, str]]:
    prefix = f"test-{secrets.token_hex(4)}"
    yield {
        **SMALL_STREAMS,
        "CONTROL__PREFIX": prefix,
        **addresses,
        "POSTGRES__URL": sendoff_database,
        "WEBHOOK__URL": receiver.url,
        "SECURITY__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
        "SCHEDULER__INTERVAL": "50ms",
        "INSTANCE": "counted",
    }
    remove_streams(nats_url, prefix)


def send(started: Running, folder: Path) -> None:
    assert sendoff("send", "--to", "a", "--content", "b", "--url", started.url, folder=folder).returncode == 0


def test_any_process_of_the_api_and_the_supervisor_tell_of_all(settings: dict[str, str], folder: Path) -> None:
    port = free_port()
    more = {"HTTP__PROCESSES": "2", "WORKERS__PROCESSES": "2", "METRICS__PORT": str(port), "INGEST__ENABLED": "true"}
    everyone = {"http-0", "http-1", "worker-0", "worker-1", "ingest-0"}
    with running("up", "--data", folder / "data", folder=folder, **settings, **more) as started:
        started.wait_until_said("Sendoff is ready")
        supervisor = f"http://127.0.0.1:{port}"
        for url in (started.url, supervisor):
            wait_until(lambda url=url: processes(read(url)) == everyone, f"all processes are at {url}")  # type: ignore[misc]
        send(started, folder)
        for url in (started.url, supervisor):
            wait_until(
                lambda url=url: total(read(url), "sendoff_attempts_total", outcome="delivered") == 1,  # type: ignore[misc]
                f"the delivery is counted at {url}",
            )
        wait_until(
            lambda: total(read(started.url), "sendoff_accepted_messages_total") == 1, "the acceptance is counted"
        )
        assert "sendoff_due_messages" in names(read(started.url)) - names(read(supervisor))
        was_started = started_at(read(supervisor), "worker-1")
        started.one("sendoff worker 1").kill()
        wait_until(lambda: started_at(read(supervisor), "worker-1") > was_started, "the next one of that number", 60)
        assert started.stop() == 0


def test_workers_without_an_api_tell_at_a_port_of_their_own(settings: dict[str, str], folder: Path) -> None:
    port = free_port()
    with running("worker", folder=folder, **settings, METRICS__PORT=str(port)) as started:
        wait_until(lambda: processes(read(f"http://127.0.0.1:{port}")) == {"worker-0"}, "the worker tells")
        started.stop()


def test_a_port_in_use_is_said(settings: dict[str, str], folder: Path) -> None:
    port = free_port()
    with running("worker", folder=folder, **settings, METRICS__PORT=str(port)) as started:
        wait_until(lambda: read(f"http://127.0.0.1:{port}"), "the worker tells")
        refused = sendoff("worker", folder=folder, **settings, METRICS__PORT=str(port))
        assert refused.returncode == 1
        assert f"metrics.port: cannot listen on port {port}" in refused.stderr
        started.stop()
