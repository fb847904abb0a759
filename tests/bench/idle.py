"""What an instance costs that has nothing to do."""

import time

from bench.accounting import Accounting, server_groups, used
from bench.installation import installation
from bench.series import Figures, one
from bench.surroundings import Surroundings

_SETTLE_SECONDS = 2.0


def measure_idle(around: Surroundings) -> Figures:
    """Percent of one core, by process, of a running instance with two workers and one API process."""
    with installation(around, "idle") as site:
        api, _ = site.api()
        workers = site.workers(processes=2)
        site.command("start")
        time.sleep(_SETTLE_SECONDS)
        own = {"api": [api.popen.pid], **{f"worker {n}": [worker.popen.pid] for n, worker in enumerate(workers)}}
        accounting = Accounting({**own, **server_groups()})
        before, began = accounting.read(), time.perf_counter()
        time.sleep(around.scale.idle_seconds)
        spent, took = used(before, accounting.read()), time.perf_counter() - began
        memory = Accounting(own).memory()
    percent = {name: seconds * 100 / took for name, seconds in spent.items()}
    return {
        "idle": {
            "instance": one("%", sum(percent[name] for name in own)),
            "instance and servers": one("%", sum(percent.values())),
            **{name: one("%", value) for name, value in percent.items()},
            **{f"memory {name}": one("MiB", value) for name, value in memory.items()},
        }
    }
