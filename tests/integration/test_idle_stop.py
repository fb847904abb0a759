"""How quickly processes end that have nothing to do, and what of them is still shown afterwards."""

import time

from support.client import Client
from support.instances import Launcher, Process
from support.waiting import wait_until
from support.whole_sendoff import api, launch, prefix, receiver

__all__ = ["api", "launch", "prefix", "receiver"]

#: Seconds; one that waits for something that does not come takes six.
AT_ONCE = 3.0


def seconds_to_stop(process: Process) -> float:
    began = time.monotonic()
    assert process.stop() == 0, process.tail()
    return time.monotonic() - began


def is_listed(api: Client, instance: str) -> bool:
    """Whether the API shows an instance of that name."""
    return any(one["instance"] == instance for one in api.call("GET", "/v1/scheduler").body["instances"])


def test_an_idle_worker_ends_at_once(launch: Launcher, api: Client) -> None:
    """The best of a few tries counts: a busy machine adds what it likes."""
    seen: list[float] = []
    while len(seen) < 5 and min(seen, default=9.0) >= AT_ONCE:
        name = f"w{len(seen)}"
        worker = launch.worker(name)
        wait_until(lambda: is_listed(api, name), "the worker is a member", timeout=60)  # noqa: B023  within this turn
        seen.append(seconds_to_stop(worker))
    assert min(seen) < AT_ONCE, seen


def test_an_idle_api_ends_at_once(launch: Launcher, api: Client) -> None:
    (server,) = launch.processes
    assert api.call("GET", "/v1/scheduler").status == 200
    assert seconds_to_stop(server) < 5
