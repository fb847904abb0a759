"""Commands and the fleet as the API shows them."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from sendoff_control.status import FleetStatus
from sendoff_domain.control import DEFAULT_TTL, GLOBAL_SCOPE, CommandStatus, Decision, Desired
from sendoff_domain.texts import CustomerId, Remark
from sendoff_domain.times import Duration, PositiveDuration
from sendoff_http.web.documents import ResponseModel, ShownMoment
from sendoff_http.web.validation import ApiModel

Health = Literal["up", "down", "off"]
LONGEST_WAIT = timedelta(seconds=30)


class CommandInput(ApiModel):
    """A command; without a body it is one to the whole fleet."""

    command_id: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")] | None = Field(
        default=None, description="The same id counts once, however often and on whatever way it arrives."
    )
    scope: CustomerId = Field(default=GLOBAL_SCOPE, description="`global`, or the id of one customer.")
    reason: Remark | None = None
    requested_by: Remark | None = None
    ttl: PositiveDuration = Field(default=DEFAULT_TTL, description="How long the command is worth anything.")


class WaitQuery(ApiModel):
    """Whether to wait for the fleet."""

    wait: Duration | None = Field(
        default=None, description="How long to wait until all live instances have applied it."
    )


class CommandResult(ResponseModel):
    """What became of a command."""

    command_id: str
    scope: str
    status: CommandStatus
    revision: int
    epoch: int
    desired: Desired
    converged: bool | None = Field(description="Whether all live instances have applied it; null without wait.")


class Instance(ResponseModel):
    """One instance with all its processes."""

    instance: str
    host: str
    version: str
    started_at: ShownMoment
    processes: Annotated[int, BeforeValidator(len)]
    revision: int
    actual: str = Field(
        description="running, stopped, unknown, changing while its processes differ, or gone: silent for 6 s."
    )
    in_flight: int
    buses: dict[str, Health]


class StoppedScope(ResponseModel):
    """A customer that is stopped."""

    scope: str
    revision: int
    desired: Desired


class Fleet(ResponseModel):
    """What the fleet should do and what it does."""

    desired: Desired
    epoch: int
    revision: int
    converged: bool = Field(
        description="Whether every process has applied the revision, as PostgreSQL has it; false while that is away."
    )
    instances: list[Instance]
    unconfirmed: list[str] = Field(description="Processes that have not applied the revision yet.")
    buses: dict[str, Health]
    scopes: list[StoppedScope]


def describe_command(decision: Decision, converged: bool | None) -> dict[str, Any]:
    """The document of a command; `converged` is None unless the caller waited for the fleet."""
    result = CommandResult(
        command_id=decision.command_id,
        scope=decision.scope,
        status=decision.status,
        revision=decision.revision,
        epoch=decision.epoch,
        desired=decision.desired,
        converged=converged,
    )
    return result.document()


def describe_fleet(fleet: FleetStatus) -> dict[str, Any]:
    """The fleet's document."""
    return Fleet.model_validate(fleet).document()
