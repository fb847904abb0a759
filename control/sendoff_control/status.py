"""The fleet as one answer: what is desired, who has applied it, and which buses work."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, get_args

from sendoff_config.identity import Identity, Role
from sendoff_control.protocol import BusHealth, Heartbeat
from sendoff_domain.control import GLOBAL_SCOPE, ControlState, Desired

#: What `list_processes.sql` says a process does that has not been heard of for a while.
GONE = "gone"
_ROLES: Mapping[str, Role] = {role: role for role in get_args(Role)}


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One living process and what it has applied: the global state, and per customer where commands exist."""

    identity: Identity
    epoch: int
    revision: int
    actual: str
    in_flight: int
    buses: Mapping[str, BusHealth]
    scopes: Mapping[str, tuple[int, int]]

    def has_applied(self, state: ControlState) -> bool:
        """Whether the process has applied that state or a newer one; of one that is gone nobody can say so."""
        if self.actual == GONE:
            return False
        if state.scope == GLOBAL_SCOPE:
            return (self.epoch, self.revision) >= state.order
        return tuple(self.scopes.get(state.scope, (state.epoch, 0))) >= state.order


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """The processes of one instance taken together: its revision is that of the slowest of them.

    `actual` is `changing` while they differ; a bus is down when it is down for one of them.
    """

    instance: str
    host: str
    version: str
    started_at: datetime
    epoch: int
    revision: int
    actual: str
    in_flight: int
    buses: Mapping[str, BusHealth]
    processes: tuple[ProcessStatus, ...]


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """What the fleet should do and what it does; `unconfirmed` names the processes that have not applied it yet.

    `buses` is how this process sees `postgres`, `nats` and `redis`. `scopes` holds the customers that are stopped.
    """

    desired: Desired
    epoch: int
    revision: int
    converged: bool
    instances: tuple[InstanceStatus, ...]
    unconfirmed: tuple[str, ...]
    buses: Mapping[str, BusHealth]
    scopes: tuple[ControlState, ...]


def fleet_status(
    states: Iterable[ControlState],
    state: ControlState,
    processes: Iterable[ProcessStatus],
    buses: Mapping[str, BusHealth],
    *,
    is_confirmed: bool,
) -> FleetStatus:
    """Put together what is known; `state` is the global one.

    Unless `is_confirmed`, the processes are known from the buses alone, where anybody could speak for them: that is
    worth showing, but the fleet does not count as converged.
    """
    living = sorted(processes, key=lambda process: (process.identity.instance, process.identity.name))
    unconfirmed = tuple(process.identity.name for process in living if not process.has_applied(state))
    stopped = [one for one in states if one.scope != GLOBAL_SCOPE and one.desired is Desired.STOPPED]
    groups = groupby(living, key=lambda process: process.identity.instance)
    return FleetStatus(
        desired=state.desired,
        epoch=state.epoch,
        revision=state.revision,
        converged=is_confirmed and bool(living) and not unconfirmed,
        instances=tuple(_instance(name, tuple(group)) for name, group in groups),
        unconfirmed=unconfirmed,
        buses=buses,
        scopes=tuple(sorted(stopped, key=lambda one: one.scope)),
    )


def _instance(name: str, processes: tuple[ProcessStatus, ...]) -> InstanceStatus:
    oldest = min(processes, key=lambda process: process.identity.started_at)
    epoch, revision = min((process.epoch, process.revision) for process in processes)
    actual = {process.actual for process in processes}
    return InstanceStatus(
        instance=name,
        host=oldest.identity.host,
        version=oldest.identity.version,
        started_at=oldest.identity.started_at,
        epoch=epoch,
        revision=revision,
        actual=actual.pop() if len(actual) == 1 else "changing",
        in_flight=sum(process.in_flight for process in processes),
        buses=_worst(process.buses for process in processes),
        processes=processes,
    )


def _worst(seen: Iterable[Mapping[str, BusHealth]]) -> dict[str, BusHealth]:
    worst: dict[str, BusHealth] = {}
    for buses in seen:
        for bus, health in buses.items():
            if health == "down" or bus not in worst:
                worst[bus] = health
    return worst


def process_of_row(
    *,
    epoch: int,
    revision: int,
    actual: str,
    in_flight: int,
    buses: Mapping[str, BusHealth],
    scopes: Mapping[str, tuple[int, int]],
    **identity: Any,
) -> ProcessStatus:
    """A process as one row of `list_processes.sql` describes it; the other columns are those of its identity."""
    return ProcessStatus(
        identity=Identity(**identity),
        epoch=epoch,
        revision=revision,
        actual=actual,
        in_flight=in_flight,
        buses=buses,
        scopes=scopes,
    )


def process_of_heartbeat(heartbeat: Heartbeat) -> ProcessStatus:
    """A process as its heartbeat over a bus describes it; what it has applied for customers is not known from that."""
    return ProcessStatus(
        identity=Identity(
            instance=heartbeat.instance,
            process=heartbeat.process,
            role=_ROLES.get(heartbeat.role, "worker"),
            host=heartbeat.host,
            pid=heartbeat.pid,
            version=heartbeat.version,
            started_at=heartbeat.started_at,
        ),
        epoch=heartbeat.epoch,
        revision=heartbeat.revision,
        actual=heartbeat.actual,
        in_flight=heartbeat.in_flight,
        buses=heartbeat.buses,
        scopes={},
    )
