"""CPU time and memory of groups of processes, children included."""

from collections.abc import Mapping

import psutil

#: The names of the embedded servers' programs, which are children of the benchmark.
SERVER_PROGRAMS = {"postgres": "postgres", "valkey": "valkey-server", "nats": "nats-server"}
_MIB = 1024 * 1024


class Accounting:
    """CPU seconds by group; a group is a process with all that descend from it, the ones that have ended as well."""

    def __init__(self, groups: Mapping[str, list[int]]) -> None:
        self._groups = {name: [psutil.Process(pid) for pid in pids] for name, pids in groups.items()}

    def read(self) -> dict[str, float]:
        """The CPU seconds that each group has used so far."""
        return {name: sum(map(_tree_seconds, roots)) for name, roots in self._groups.items()}

    def memory(self) -> dict[str, float]:
        """The resident memory of each group's largest process in MiB, shared pages included."""
        return {name: max(root.memory_info().rss for root in roots) / _MIB for name, roots in self._groups.items()}


def server_groups() -> dict[str, list[int]]:
    """The process ids of the embedded servers that this process has started."""
    children = psutil.Process().children()
    return {
        group: [child.pid for child in children if child.name() == program]
        for group, program in SERVER_PROGRAMS.items()
    }


def used(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """The CPU seconds between two readings."""
    return {name: after[name] - before[name] for name in before}


class Strangers:
    """How busy others keep the machine: what it works beyond this process and all that descend from it."""

    def __init__(self) -> None:
        self._began = self._read()

    def share(self) -> float:
        """Percent of all cores since the beginning."""
        busy, own, total = (now - then for now, then in zip(self._read(), self._began, strict=True))
        return max(0.0, busy - own) * 100 / total if total else 0.0

    def _read(self) -> tuple[float, float, float]:
        times = psutil.cpu_times()
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return total - times.idle - getattr(times, "iowait", 0.0), _tree_seconds(psutil.Process()), total


def _tree_seconds(root: psutil.Process) -> float:
    return sum(map(_own_seconds, (root, *root.children(recursive=True))))


def _own_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    # A child that has ended is in its parent's sum, so that nothing is lost between two readings.
    return float(times.user + times.system + times.children_user + times.children_system)
