"""Three NATS nodes on loopback as one cluster, configured by deploy/nats/cluster.conf as the containers are."""

import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sendoff_cli.servers.binaries import nats_program
from sendoff_cli.servers.process import bound_to_parent
from support.layout import ROOT
from support.waiting import wait_until
from support.whole_sendoff import free_port

CONFIGURATION = ROOT / "deploy" / "nats" / "cluster.conf"
PASSWORD = "007"  # it must not become a number


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a node listens: for clients, for the other nodes, for its health check."""

    client: int
    route: int
    monitor: int


class Node:
    """One of the three; it comes back with the data that it had."""

    def __init__(self, name: str, *, ports: Ports, routes: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.url = f"nats://sendoff:{PASSWORD}@127.0.0.1:{ports.client}"
        self.ports = ports
        self._routes = routes
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    def start(self) -> None:
        """Start it, and wait for nothing."""
        configuration = self._folder / "nats.conf"
        configuration.write_text(self._configuration())
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(nats_program()), "--config", str(configuration), "--name", self.name],
                env={**os.environ, "NATS_PASSWORD": f'"{PASSWORD}"', **self._routes},
                stdout=log,
                stderr=log,
                preexec_fn=bound_to_parent(signal.SIGKILL),
            )

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Send it this signal and wait until it is gone; nothing happens when it does not run."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    @property
    def is_healthy(self) -> bool:
        """Whether its health check finds it in contact with a leader, and its streams up to date."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports.monitor}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def log(self) -> str:
        """The end of what it has said."""
        return (self._folder / "log").read_text()[-2000:]

    def _configuration(self) -> str:
        ports = self.ports
        text = CONFIGURATION.read_text().replace('"/data"', f'"{self._folder}/data"')
        text = text.replace("127.0.0.1:8222", f"127.0.0.1:{ports.monitor}")
        text = re.sub(r"^port: 4222$", f'host: "127.0.0.1"\nport: {ports.client}', text, flags=re.MULTILINE)
        return re.sub(r"^  port: 6222$", f'  host: "127.0.0.1"\n  port: {ports.route}', text, flags=re.MULTILINE)


@dataclass(frozen=True, slots=True)
class NatsCluster:
    """The nodes, as `nats.url` names them all."""

    nodes: tuple[Node, ...]

    @property
    def url(self) -> str:
        """The addresses of all nodes with commas between."""
        return ",".join(node.url for node in self.nodes)

    def node(self, name: str) -> Node:
        """The node of that name."""
        return next(node for node in self.nodes if node.name == name)

    def wait_until_healthy(self) -> None:
        """Wait until every node has found the others and all that it missed."""
        for node in self.nodes:
            wait_until(lambda node=node: node.is_healthy, f"{node.name} is healthy: {node.log()}", timeout=60)  # type: ignore[misc]


@contextmanager
def running_nats_cluster(folder: Path) -> Iterator[NatsCluster]:
    """Three healthy nodes until the block ends."""
    ports = [Ports(free_port(), free_port(), free_port()) for _ in range(3)]
    routes = {
        f"NATS_ROUTE_{number}": f'"nats://route:{PASSWORD}@127.0.0.1:{one.route}"'
        for number, one in enumerate(ports, 1)
    }
    names = [f"nats-{number}" for number in (1, 2, 3)]
    nodes = [Node(name, ports=one, routes=routes, folder=folder / name) for name, one in zip(names, ports, strict=True)]
    with ExitStack() as stack:
        for node in nodes:
            node.start()
            stack.callback(node.end, signal.SIGTERM)
        cluster = NatsCluster(tuple(nodes))
        cluster.wait_until_healthy()
        yield cluster
