"""What docker-compose.nats-cluster.yml promises: three nodes of NATS, and a Sendoff that knows them all."""

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js.api import StreamConfig

from sendoff_cli.servers.binaries import nats_program
from sendoff_config.loading import load_settings
from support.layout import ROOT
from support.nats_cluster import CONFIGURATION, NatsCluster, running_nats_cluster

NODES = ("nats", "nats-2", "nats-3")
Document = dict[str, Any]


@pytest.fixture
def clustered(compose_with: Callable[..., Document]) -> Document:
    """Both files together, with every variable at its default."""
    return compose_with(override="docker-compose.nats-cluster.yml")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NatsCluster]:
    with running_nats_cluster(tmp_path) as running:
        yield running


def test_there_are_three_nodes_each_with_a_name_and_a_volume_of_its_own(clustered: Document, compose: Document) -> None:
    assert set(clustered["services"]) == {*compose["services"], *NODES}
    nodes = [clustered["services"][name] for name in NODES]
    assert [node["command"][-1] for node in nodes] == ["nats-1", "nats-2", "nats-3"]
    assert [node["volumes"][0] for node in nodes] == ["nats-1:/data:rw", "nats-2:/data:rw", "nats-3:/data:rw"]
    assert {node["volumes"][1] for node in nodes} == {f"{CONFIGURATION}:/etc/nats/sendoff.conf:ro"}
    assert set(clustered["volumes"]) == {*compose["volumes"], "nats-1", "nats-2", "nats-3"}


def test_a_node_can_do_no_more_than_the_single_server(clustered: Document, compose: Document) -> None:
    differ = ("command", "environment", "volumes")
    alone = {key: value for key, value in compose["services"]["nats"].items() if key not in differ}
    for name in NODES:
        assert {key: value for key, value in clustered["services"][name].items() if key not in differ} == alone


@pytest.mark.parametrize("service", ["messaging-app", "migrate"])
def test_sendoff_knows_all_three(clustered: Document, service: str) -> None:
    settings = load_settings(ROOT / "config.yaml", clustered["services"][service]["environment"])
    hosts = [server.rpartition("@")[2] for server in str(settings.nats.url).split(",")]
    assert hosts == [f"{name}:4222" for name in NODES]
    assert settings.ingest.replicas == settings.events.replicas == len(NODES)
    waits = clustered["services"]["messaging-app"]["depends_on"]
    assert {waits[name]["condition"] for name in NODES} == {"service_healthy"}


def test_every_node_has_the_password_and_nobody_sees_it(compose_with: Callable[..., Document]) -> None:
    both = compose_with(override="docker-compose.nats-cluster.yml", NATS_PASSWORD="natsmarker")
    for name in NODES:
        told = both["services"][name].pop("environment")
        assert all("natsmarker" in value for value in told.values())
        assert "natsmarker" not in str(both["services"][name])


def test_the_containers_have_the_version_that_is_embedded(compose: Document) -> None:
    said = subprocess.run([str(nats_program()), "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"v(\d+\.\d+)\.", said)
    assert version is not None
    assert compose["services"]["nats"]["image"] == f"nats:{version[1]}-alpine"


async def test_the_nodes_find_each_other_and_take_no_stranger_in(cluster: NatsCluster) -> None:
    client = await nats.connect(cluster.url.split(","), connect_timeout=10)
    info = await client.jetstream().add_stream(StreamConfig(name="TEST", subjects=["test"], num_replicas=3))
    assert info.cluster is not None
    assert {info.cluster.leader, *(peer.name for peer in info.cluster.replicas or ())} == {"nats-1", "nats-2", "nats-3"}
    await client.close()
    with (
        socket.create_connection(("127.0.0.1", cluster.nodes[0].ports.route), timeout=30) as stranger,
        stranger.makefile("rb") as lines,
    ):
        lines.readline()  # INFO
        stranger.sendall(b'CONNECT {"verbose": false, "name": "stranger"}\r\nPING\r\n')
        assert b"Authorization Violation" in lines.readline()


def test_what_is_acknowledged_is_on_the_disk() -> None:
    assert "sync_interval: always" in CONFIGURATION.read_text()
