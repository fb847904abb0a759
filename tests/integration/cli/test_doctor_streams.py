"""`sendoff doctor` and the streams: whether JetStream is there, and whether they are as the settings want them."""

import asyncio
import json
import signal
import subprocess
from pathlib import Path

import pytest

from sendoff_cli.servers.binaries import nats_program
from sendoff_cli.servers.endpoints import is_free
from sendoff_cli.servers.process import bound_to_parent
from sendoff_config.ingest_settings import IngestSettings, RejectedSettings
from sendoff_domain.stream_names import ingest_subject
from sendoff_ingest.streams import ensure_streams
from support.command_line import invoke
from support.producer import open_producer
from support.waiting import wait_until
from support.whole_sendoff import free_port, prefix

__all__ = ["prefix"]

SMALL = IngestSettings(max_bytes=2**20, rejected=RejectedSettings(max_bytes=2**20))
AS_SMALL = {"INGEST__MAX_BYTES": str(2**20), "INGEST__REJECTED__MAX_BYTES": str(2**20)}


def examine(folder: Path, **settings: str) -> dict[str, dict[str, str]]:
    """What `sendoff doctor` finds, by what it looked at."""
    done = invoke("doctor", "--json", folder=folder, **settings)
    return {one["check"]: one for one in json.loads(done.stdout)["findings"]}


@pytest.fixture
def site(nats_url: str, prefix: str) -> dict[str, str]:
    """The settings of a fleet on that NATS."""
    return {"NATS__URL": nats_url, "CONTROL__PREFIX": prefix}


def test_where_nothing_goes_over_streams_nothing_is_said_of_them(site: dict[str, str], tmp_path: Path) -> None:
    assert not {"ingest", "events"} & set(examine(tmp_path, **site))


def test_streams_that_are_still_to_be_made_are_fine(site: dict[str, str], tmp_path: Path) -> None:
    found = examine(tmp_path, **site, INGEST__ENABLED="true", EVENTS__ENABLED="true")
    assert [found[one]["level"] for one in ("ingest", "events")] == ["ok", "ok"]
    assert "2 of 2 streams are made at the first start" in found["ingest"]["detail"]


def test_more_replicas_than_servers_are_a_failure(site: dict[str, str], tmp_path: Path) -> None:
    found = examine(tmp_path, **site, INGEST__ENABLED="true", INGEST__REPLICAS="3")["ingest"]
    assert found["level"] == "fail"
    assert found["detail"] == "ingest.replicas is 3, and NATS has 1 server"


async def test_a_stream_is_held_to_the_settings(
    site: dict[str, str], nats_url: str, prefix: str, sendoff_database: str, tmp_path: Path
) -> None:
    async with open_producer(nats_url, prefix, sendoff_database) as producer:
        await ensure_streams(producer.jetstream, prefix, SMALL)
        await producer.publish({"to": "bob", "content": 1})
        fine = (await asyncio.to_thread(examine, tmp_path, **site, **AS_SMALL))["ingest"]
        assert (fine["level"], f"{prefix.upper()}_INGEST has 1 messages" in fine["detail"]) == ("ok", True), fine
        other = (await asyncio.to_thread(examine, tmp_path, **site, **(AS_SMALL | {"INGEST__PER_CUSTOMER": "5"})))[
            "ingest"
        ]
        assert (other["level"], other["advice"]) == ("warn", "start `sendoff ingest` anew, which changes it")
        assert "max_msgs_per_subject is 1000000, expected 5" in other["detail"]


async def test_a_stream_of_another_kind_is_a_failure(
    site: dict[str, str], nats_url: str, prefix: str, sendoff_database: str, tmp_path: Path
) -> None:
    async with open_producer(nats_url, prefix, sendoff_database) as producer:
        await producer.jetstream.add_stream(
            name=f"{prefix.upper()}_INGEST", subjects=[ingest_subject(prefix, "*")], max_bytes=2**20
        )
        found = (await asyncio.to_thread(examine, tmp_path, **site))["ingest"]
    assert found["level"] == "fail"
    assert "retention is limits, expected workqueue" in found["detail"]


def test_a_nats_without_jetstream_is_a_failure_for_what_needs_it(prefix: str, tmp_path: Path) -> None:
    port = free_port()
    command = [str(nats_program()), "--addr", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=bound_to_parent(signal.SIGKILL)
    ) as server:
        wait_until(lambda: not is_free(port), "NATS listens")
        found = examine(tmp_path, NATS__URL=f"nats://127.0.0.1:{port}", CONTROL__PREFIX=prefix, INGEST__ENABLED="true")
        server.kill()
    assert (found["nats"]["level"], found["ingest"]["level"]) == ("ok", "fail")
    assert found["ingest"]["detail"].startswith("JetStream is not there")
    assert "events" not in found
