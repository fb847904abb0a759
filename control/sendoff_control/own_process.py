"""This process as it describes itself to the others."""

from collections.abc import Callable

from sendoff_config.identity import Identity
from sendoff_control.hints import Publisher
from sendoff_control.poll import Poller, Progress
from sendoff_control.protocol import Ack, Actual, BusHealth, Heartbeat
from sendoff_control.states import AppliedStates
from sendoff_domain.control import ControlState, Desired


class OwnProcess:
    """Who this process is, what it has applied, and how it sees the servers.

    `in_flight` tells how many requests run and `progress` whether work goes on; a process that sends none leaves them
    as they are.
    """

    def __init__(self, *, identity: Identity, states: AppliedStates, poller: Poller, publisher: Publisher) -> None:
        self.identity = identity
        self.in_flight: Callable[[], int] = lambda: 0
        self.progress: Callable[[], Progress] = Progress
        self._states = states
        self._poller = poller
        self._publisher = publisher

    @property
    def bus_health(self) -> dict[str, BusHealth]:
        """How this process sees PostgreSQL and the buses; one that is not configured is `off`."""
        return {"postgres": "up" if self._poller.answers else "down", **self._publisher.health}

    def heartbeat(self) -> Heartbeat:
        """A sign of life: what this process does, and the order of the global state that PostgreSQL has told it."""
        identity, state = self.identity, self._states.settled()
        return Heartbeat(
            sender=identity.name,
            instance=identity.instance,
            process=identity.process,
            role=identity.role,
            host=identity.host,
            pid=identity.pid,
            version=identity.version,
            started_at=identity.started_at,
            epoch=state.epoch if state else 0,
            revision=state.revision if state else 0,
            actual=self._actual(),
            in_flight=self.in_flight(),
            buses=self.bus_health,
        )

    def ack(self, state: ControlState) -> Ack:
        """The word that this process has applied a state."""
        return Ack(self.identity.name, state.scope, state.epoch, state.revision, self._actual(), self.in_flight())

    def _actual(self) -> Actual:
        state = self._states.get()
        if state is None:
            return "unknown"
        return "running" if state.desired is Desired.RUNNING else "stopped"
