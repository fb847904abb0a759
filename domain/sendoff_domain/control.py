"""Start and stop as values: commands that ask, states that are ordered by (epoch, revision)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from sendoff_domain.texts import CustomerId, Remark
from sendoff_domain.times import parse_duration

GLOBAL_SCOPE = "global"
DEFAULT_TTL = timedelta(seconds=30)
_LONGEST_REASON = 300
MAX_COMMAND_BYTES = 4096
#: More decisions of one scope than this are not made between two polls.
_MOST_MISSED = 1000

_CommandId = Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]{1,128}\Z")]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]

Origin = Literal["http", "nats", "redis", "cli", "worker"]


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


def may_follow(known: tuple[int, int], said: tuple[int, int]) -> bool:
    """Whether a state that was said over a bus is no further ahead of a known one than a process can lag behind.

    Both are `order`s. A state beyond that was made up, or belongs to a database that was restored.
    """
    return said[0] == known[0] and said[1] - known[1] <= _MOST_MISSED


@dataclass(frozen=True, slots=True)
class Command:
    """A wish to start or stop; the same `command_id` counts once, however often and wherever it arrives.

    It is expired when `ttl` has passed since `issued_at`; without `issued_at` it never is. `requested_by` is what its
    sender says; `actor` is who was let in with a key, and `request_id` by which request.
    """

    action: Action
    command_id: str | None = None
    scope: str = GLOBAL_SCOPE
    reason: str | None = None
    requested_by: str | None = None
    ttl: timedelta = DEFAULT_TTL
    issued_at: datetime | None = None
    actor: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a command, and the state of its scope after it; a duplicate has the state of the first one."""

    command_id: str
    scope: str
    status: CommandStatus
    epoch: int
    revision: int
    desired: Desired

    @property
    def state(self) -> ControlState:
        """The state that was decided."""
        return ControlState(self.scope, self.epoch, self.revision, self.desired)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A payload that is no command, and why."""

    error: str


class CommandDocument(msgspec.Struct, rename="camel", frozen=True):
    """A command as it comes over a bus, all of which may be left out."""

    action: Action | None = None
    command_id: _CommandId | None = None
    scope: CustomerId | None = None
    reason: Remark | None = None
    requested_by: Remark | None = None
    ttl: str | None = None
    issued_at: _Moment | None = None


def parse_command(payload: bytes, action: Action | None = None) -> Command | Rejected:
    """Read what came over a bus: JSON, or just a word (`start`, `stop`) where the subject does not name the `action`.

    Never raises, whatever the bytes are. Unknown keys are ignored, so that an older version understands a newer one.
    """
    if len(payload) > MAX_COMMAND_BYTES:
        return Rejected(f"expected at most {MAX_COMMAND_BYTES} bytes, got {len(payload)}")
    text = payload.strip()
    if action is not None and not text:
        return Command(action)
    if action is None and text.lower() in (b"start", b"stop"):
        return Command(Action(text.lower().decode()))
    try:
        return _command(msgspec.json.decode(text, type=CommandDocument), action)
    except RecursionError:
        return Rejected("expected JSON of a few levels")
    except ValueError as error:  # msgspec's errors are ValueErrors
        return Rejected(_shortened(str(error)))


def _shortened(reason: str) -> str:
    """The beginning and the end, where the place is: in between may be all that was sent."""
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:150]}...{reason[-100:]}"


def _command(document: CommandDocument, action: Action | None) -> Command:
    named = document.action or action
    if named is None:
        raise ValueError("expected an action: start or stop")
    if action not in (None, named):
        raise ValueError(f"expected the action of the subject ({action}), got {named}")
    return Command(
        named,
        document.command_id,
        document.scope or GLOBAL_SCOPE,
        document.reason,
        document.requested_by,
        DEFAULT_TTL if document.ttl is None else parse_duration(document.ttl),
        document.issued_at,
    )
