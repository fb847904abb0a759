"""Start and stop as values: commands that ask, states that are ordered by (epoch, revision)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

GLOBAL_SCOPE = "global"
DEFAULT_TTL = timedelta(seconds=30)


class Action(StrEnum):
    """What a command asks for."""

    START = "start"
    STOP = "stop"


class Desired(StrEnum):
    """What the fleet should be doing."""

    RUNNING = "running"
    STOPPED = "stopped"


class CommandStatus(StrEnum):
    """What became of a command."""

    ACCEPTED = "accepted"
    NO_CHANGE = "no_change"
    DUPLICATE = "duplicate"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ControlState:
    """What PostgreSQL decided for one scope; (epoch, revision) is the only order there is."""

    scope: str
    epoch: int
    revision: int
    desired: Desired

    @property
    def order(self) -> tuple[int, int]:
        """Comparable: the greater one is the newer one."""
        return self.epoch, self.revision


def desired_by(action: Action) -> Desired:
    """The state that an action asks for."""
    return Desired.RUNNING if action is Action.START else Desired.STOPPED


def merge(current: ControlState | None, incoming: ControlState) -> ControlState:
    """The newer of two states of one scope, in whatever order and however often they arrive."""
    if current is None or incoming.order > current.order:
        return incoming
    return current
