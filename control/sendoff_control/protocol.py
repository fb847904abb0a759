"""What the buses carry, as JSON: announcements, acks, heartbeats, replies. Pure: bytes in, values out."""

from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec

from sendoff_config.identity import name_of
from sendoff_domain.control import ControlState, Decision, Desired
from sendoff_domain.texts import CustomerId, match_customer_id

_Epoch = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Revision = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]

_CommandId = Annotated[str, msgspec.Meta(max_length=128)]

#: What is longer is no message of the fleet: the longest one tells of a process with a name of 200 characters.
MAX_MESSAGE_BYTES = 4096

BusHealth = Literal["up", "down", "off"]
#: Why a Redis that answers takes no writes; `sendoff_domain.explanation` has the words.
RedisTrouble = Literal["full", "read-only", "unsaved", "unreplicated"]
Actual = Literal["running", "stopped", "unknown"]


class StateAnnouncement(msgspec.Struct, rename="camel", frozen=True):
    """A state that PostgreSQL has committed, announced by `sender`; `command_id` names the command that led to it."""

    sender: _Name
    scope: CustomerId
    epoch: _Epoch
    revision: _Revision
    desired: Desired
    command_id: _CommandId | None = None

    @property
    def state(self) -> ControlState:
        """The announced state."""
        return ControlState(self.scope, self.epoch, self.revision, self.desired)


class Ack(msgspec.Struct, rename="camel", frozen=True):
    """`sender` has applied this revision of this scope."""

    sender: _Name
    scope: CustomerId
    epoch: _Epoch
    revision: _Revision
    actual: Actual
    in_flight: int


class Heartbeat(msgspec.Struct, rename="camel", frozen=True):
    """A sign of life of the process `sender`: who it is and what it has applied of the global scope."""

    sender: _Name
    instance: str
    process: int
    role: str
    host: str
    pid: int
    version: str
    started_at: datetime
    epoch: _Epoch
    revision: _Revision
    actual: Actual
    in_flight: int
    buses: dict[str, BusHealth]

    @property
    def order(self) -> tuple[int, int]:
        """What the process has applied of the global scope, comparable with `ControlState.order`."""
        return self.epoch, self.revision

    @property
    def is_consistent(self) -> bool:
        """Whether the process goes by the name that its other words give it."""
        return self.sender == name_of(self.instance, self.role, self.process)


class Reply(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """The answer to a command that came as a NATS request."""

    status: str  # a CommandStatus, or "rejected" (with an error), or "unavailable" (nothing was decided, try again)
    command_id: str | None = None
    scope: str | None = None
    epoch: int | None = None
    revision: int | None = None
    desired: Desired | None = None
    error: str | None = None


M = TypeVar("M", StateAnnouncement, Ack, Heartbeat)


def decode(payload: bytes, kind: type[M]) -> M | None:
    """One message of that kind, or None for anything else: a bus may carry any garbage."""
    if len(payload) > MAX_MESSAGE_BYTES:
        return None
    try:
        return msgspec.json.decode(payload, type=kind)
    except (ValueError, RecursionError):
        return None


def decode_customer_id(payload: bytes) -> str | None:
    """The id in a hint that a customer was changed, or None for anything else."""
    if len(payload) > MAX_MESSAGE_BYTES or not match_customer_id(text := payload.decode("ascii", "replace")):
        return None
    return text


def announcement_of(sender: str, state: ControlState, command_id: str | None = None) -> StateAnnouncement:
    """What `sender` tells the fleet of a state."""
    return StateAnnouncement(sender, state.scope, state.epoch, state.revision, state.desired, command_id)


def is_inbox(subject: str) -> bool:
    """Whether a reply may go to that NATS subject: its first token is `_INBOX`, or begins with `_INBOX_`.

    The second is what clients with an inbox prefix of their own use. Anything else could be a command of a fleet, or
    an order to the server itself (`$JS.API`), which the asker might not be allowed to publish.
    """
    first, dot, rest = subject.partition(".")
    return bool(dot and rest) and (first == "_INBOX" or first.startswith("_INBOX_"))


def reply_to(decision: Decision) -> Reply:
    """What the sender of a command is told."""
    return Reply(
        decision.status, decision.command_id, decision.scope, decision.epoch, decision.revision, decision.desired
    )
