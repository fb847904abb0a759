"""The processes of one instance: their commands, and the environment variables with which each of them starts."""

import socket
import sys
from collections.abc import Mapping
from dataclasses import replace

from sendoff_cli.supervisor import Process
from sendoff_config.bootstrap import usable_cores
from sendoff_config.settings import Settings

#: Beyond http.shutdownDelay: how long the requests of an HTTP process may take to end (seconds).
_HTTP_PATIENCE = 30.0
#: How long an ingest process may take to store and acknowledge what it has in hand (seconds).
_INGEST_PATIENCE = 30.0
#: Beyond workers.shutdownTimeout: what a worker may take to give back and record everything (seconds).
_WORKER_PATIENCE = 50.0
_SAMPLE_PATIENCE = 5.0


def http_processes(settings: Settings, environment: Mapping[str, str]) -> list[Process]:
    """The API's processes, which share one port."""
    patience = settings.http.shutdown_delay.total_seconds() + _HTTP_PATIENCE
    return _numbered("http", "sendoff_http", settings.http.processes, environment=environment, patience=patience)


def ingest_processes(settings: Settings, environment: Mapping[str, str]) -> list[Process]:
    """The processes that take messages from JetStream, and one that publishes events.

    With both, the events have a process of their own: it gives way to all others, which no other may.
    """
    count = settings.ingest.processes
    processes = _numbered("ingest", "sendoff_ingest", count, environment=environment, patience=_INGEST_PATIENCE)
    if not (settings.ingest.enabled and settings.events.enabled):
        return processes
    events = {"SENDOFF_INGEST__ENABLED": "false", "SENDOFF_PROCESS": f"{count}/{count + 1}"}
    return [
        *(_with(process, process.name, {"SENDOFF_EVENTS__ENABLED": "false"}) for process in processes),
        _with(processes[0], "events", events),
    ]


def worker_processes(settings: Settings, environment: Mapping[str, str]) -> list[Process]:
    """The workers: as many as are configured, or one per core."""
    count = settings.workers.processes or usable_cores()
    patience = settings.workers.shutdown_timeout.total_seconds() + _WORKER_PATIENCE
    return _numbered("worker", "sendoff_actors", count, environment=environment, patience=patience)


def sample_process(listener: socket.socket, environment: Mapping[str, str]) -> Process:
    """The sample webhook on a socket that listens already, so that a restart keeps its port."""
    command = (sys.executable, "-m", "sendoff_cli.sample_webhook", str(listener.fileno()))
    return Process("sample webhook", command, environment, _SAMPLE_PATIENCE, (listener.fileno(),))


def _with(process: Process, name: str, variables: Mapping[str, str]) -> Process:
    return replace(process, name=name, environment={**process.environment, **variables})


def _numbered(role: str, module: str, count: int, *, environment: Mapping[str, str], patience: float) -> list[Process]:
    return [
        Process(
            f"{role} {index}",
            (sys.executable, "-m", module),
            {**environment, "SENDOFF_PROCESS": f"{index}/{count}"},
            patience,
            module=module,
        )
        for index in range(count)
    ]
