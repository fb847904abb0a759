"""`sendoff up | http | worker | ingest`: one instance with some or all of its processes."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

from sendoff_cli.console import log_as_json, say, show
from sendoff_cli.database import prepare_database, wait_for_schema
from sendoff_cli.environment import Environment, configured_environment, embedded_environment
from sendoff_cli.forked_process import ForkServer, fork_server
from sendoff_cli.instance import run_processes, wait_until_ready
from sendoff_cli.interruption import closing_undisturbed, interrupted_by_signals
from sendoff_cli.listening import reachable_host
from sendoff_cli.metrics_server import served_metrics
from sendoff_cli.processes import http_processes, ingest_processes, sample_process, worker_processes
from sendoff_cli.summary import Started, summary
from sendoff_cli.supervisor import Process
from sendoff_config.lossy_output import make_output_lossy

#: What the processes import that are forked off.
_API, _WORKER, _INGEST = "sendoff_http.server", "sendoff_actors.main", "sendoff_ingest.main"
#: How long a server that is started elsewhere is waited for (seconds).
_SERVER_PATIENCE = 60.0


def run_up(config: Path | None, data: Path) -> int:
    """Run everything that has no address yet, then the API and the workers; returns the code to exit with."""
    make_output_lossy("stdout", "stderr")
    with closing_undisturbed(), ExitStack() as stack, interrupted_by_signals() as check_interruption:
        forks = stack.enter_context(fork_server([_API, _WORKER]))  # it imports while the servers start
        environment = embedded_environment(config, data, stack)
        check_interruption()
        _follow_format(environment)
        applied = asyncio.run(prepare_database(environment.settings, _SERVER_PATIENCE, say))
        if applied:
            say(f"the database is up to date: {', '.join(applied)}")
        check_interruption()
        ingest = environment.settings.ingest.enabled or environment.settings.events.enabled
        return asyncio.run(_run(environment, forks, api=True, ingest=ingest, workers=True))


def run_http(config: Path | None) -> int:
    """Run the API's processes only; the servers' addresses must be configured."""
    return _run_part(config, api=True)


def run_workers(config: Path | None) -> int:
    """Run the worker processes only; the servers' addresses must be configured."""
    return _run_part(config, workers=True)


def run_ingest(config: Path | None) -> int:
    """Run the ingest's processes only; the servers' addresses must be configured."""
    return _run_part(config, ingest=True)


def _run_part(config: Path | None, *, api: bool = False, ingest: bool = False, workers: bool = False) -> int:
    make_output_lossy("stdout", "stderr")
    with closing_undisturbed(), ExitStack() as stack, interrupted_by_signals() as check_interruption:
        forks = stack.enter_context(fork_server([*[_API] * api, *[_WORKER] * workers, *[_INGEST] * ingest]))
        environment = configured_environment(config, stack, api=api, ingest=ingest)
        _follow_format(environment)
        asyncio.run(wait_for_schema(environment.settings, _SERVER_PATIENCE, say))
        check_interruption()
        return asyncio.run(_run(environment, forks, api=api, ingest=ingest, workers=workers))


def _follow_format(environment: Environment) -> None:
    if environment.settings.logging.format == "json":
        log_as_json()


def _stages(environment: Environment, *, api: bool, ingest: bool, workers: bool) -> list[list[Process]]:
    """The processes in the order in which they stop: no new messages, then no deliveries."""
    settings, variables = environment.settings, environment.variables
    doors = [
        *(http_processes(settings, variables) if api else ()),
        *(ingest_processes(settings, variables) if ingest else ()),
    ]
    return [stage for stage in (doors, worker_processes(settings, variables) if workers else []) if stage]


async def _run(environment: Environment, forks: ForkServer, *, api: bool, ingest: bool, workers: bool) -> int:
    settings, variables = environment.settings, environment.variables
    stages = _stages(environment, api=api, ingest=ingest, workers=workers)
    names = tuple(process.name for stage in stages for process in stage)
    if environment.sample is not None:
        stages.append([sample_process(environment.sample, variables)])
    url = f"http://{reachable_host(settings.http.host)}:{settings.http.port}" if api else None

    async def announce() -> None:
        if url is not None:
            await wait_until_ready(url)
        sample = settings.webhook.url if environment.sample else None
        if settings.logging.format == "json":
            say(f"running {', '.join(names)}" + (f" at {url}" if url else ""))
            return
        show(summary(Started(environment.instance, names, url, sample, environment.data)))

    async with served_metrics(settings.metrics, environment.metrics):
        try:
            return await run_processes(stages, environment.servers, announce, forks)
        finally:
            await forks.disconnect()
