"""A process as a member of the fleet: what it has applied, what it tells, and how it commands the others."""

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import structlog

from sendoff_config.identity import Identity
from sendoff_config.settings import Settings
from sendoff_control.announcer import Announcer
from sendoff_control.authority import NO_FENCE, Fence, decide, is_recorded
from sendoff_control.bounded_queries import BoundedQueries
from sendoff_control.hints import Publisher, Subscribers
from sendoff_control.ingest_stream import IngestStream
from sendoff_control.nats_requests import NatsRequests
from sendoff_control.own_process import OwnProcess
from sendoff_control.peers import Peers
from sendoff_control.poll import Poller, Progress
from sendoff_control.process_list import ProcessList
from sendoff_control.protocol import BusHealth, Heartbeat, RedisTrouble, StateAnnouncement
from sendoff_control.states import AppliedStates
from sendoff_control.status import FleetStatus, fleet_status
from sendoff_db.clock import DatabaseClock
from sendoff_domain.control import GLOBAL_SCOPE, Command, CommandStatus, ControlState, Decision, Origin
from sendoff_domain.errors import UnavailableError

_COMMAND_TIMEOUT = 3.0

log = structlog.get_logger("sendoff.control")


class Member:
    """Made by `sendoff_control.fleet.make_member`, and knows nothing until it joins: until then `is_running` says no.

    All methods belong to the event loop in which it joins. Hints go out by its `publisher`.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        identity: Identity,
        clock: DatabaseClock,
        queries: BoundedQueries,
        publisher: Publisher,
    ) -> None:
        self.settings = settings
        self.identity = identity
        self.clock = clock
        self.queries = queries
        self.publisher = publisher
        self.subscribers = Subscribers()
        self.states = AppliedStates()
        #: Whether messages may be sent, all or those of a customer, as far as this process knows.
        self.is_running = self.states.is_running
        self.peers = Peers()
        self.nats_requests = NatsRequests()
        self.ingest_stream = IngestStream(self.nats_requests, settings.control.prefix)
        self.poller = Poller(queries, clock)
        self.announcer = Announcer(self.states, publisher)
        self.own_process = OwnProcess(identity=identity, states=self.states, poller=self.poller, publisher=publisher)
        self._processes = ProcessList(queries, self.peers, self.own_process)

    def subscribe(
        self,
        *,
        on_change: Callable[[ControlState], None] | None = None,
        on_wake: Callable[[], None] | None = None,
        on_customer: Callable[[str], None] | None = None,
        in_flight: Callable[[], int] | None = None,
        progress: Callable[[], Progress] | None = None,
    ) -> None:
        """Have news of the fleet told to those that are given, in the event loop; to be called before joining.

        `on_change` is told each state that is applied, the first one included; `on_wake` that a message was stored
        which is due at once; `on_customer` the id of a customer that was changed. `in_flight` is asked how many
        requests run, for the status, and `progress` whether work goes on, for readiness; there is one answer to each,
        so the last one given counts.
        """
        self.subscribers.add(on_change=on_change, on_wake=on_wake, on_customer=on_customer)
        if in_flight is not None:
            self.own_process.in_flight = in_flight
        if progress is not None:
            self.own_process.progress = progress

    def state(self, scope: str = GLOBAL_SCOPE) -> ControlState | None:
        """The state that this process has applied, or None if it knows of none."""
        return self.states.get(scope)

    @property
    def bus_health(self) -> dict[str, BusHealth]:
        """How this process sees PostgreSQL and the buses; one that is not configured is `off`."""
        return self.own_process.bus_health

    @property
    def redis_health(self) -> BusHealth | RedisTrouble:
        """How this process sees Redis, and why it takes no writes if it answers all the same."""
        return self.publisher.redis_health

    async def command(self, command: Command, origin: Origin, fence: Fence = NO_FENCE) -> Decision:
        """Commit a command in PostgreSQL and announce its result on both buses.

        Raises UnavailableError when PostgreSQL does not answer within 3 s. The command may have been committed all the
        same; with a `command_id` it is safe to repeat.
        """
        named = replace(command, command_id=command.command_id or str(uuid.uuid4()))
        decision = await self.queries.ask(lambda connection: decide(connection, named, origin, fence), _COMMAND_TIMEOUT)
        self._settle(decision)
        news = decision.status in (CommandStatus.ACCEPTED, CommandStatus.DUPLICATE)
        if news and self.states.get(decision.scope) == decision.state:
            self.publisher.announce(decision.state, decision.command_id)
        log.info(
            "a command was decided",
            action=named.action,
            scope=named.scope,
            actor=named.actor or origin,
            requested_by=named.requested_by,
            request_id=named.request_id,
            status=decision.status,
        )
        return decision

    async def is_recorded(self, command_id: str) -> bool:
        """Whether PostgreSQL has a decision about the command of that id; raises UnavailableError without an answer."""
        return await self.queries.ask(lambda connection: is_recorded(connection, command_id), _COMMAND_TIMEOUT)

    async def wait_for_acks(self, decision: Decision, timeout: timedelta) -> bool:
        """Wait until every living process reports that it has applied the decision; False if `timeout` passes first.

        What counts is the row that each of them writes to PostgreSQL: on a bus anybody could say so.
        """
        return await self._processes.wait_until_applied(decision.state, timeout.total_seconds())

    async def fleet(self) -> FleetStatus:
        """What the fleet should do and does; from the buses alone while PostgreSQL does not answer.

        Raises UnavailableError as long as this process has never learned the state.
        """
        await self.poll()
        state = self.states.settled()
        if state is None:
            raise UnavailableError("the state of the fleet is not known yet")
        reported = await self._processes.reported()
        return fleet_status(
            self.states.all_settled(),
            state,
            self._processes.heard() if reported is None else reported,
            self.bus_health,
            is_confirmed=reported is not None,
        )

    async def poll(self) -> None:
        """Report this process to PostgreSQL and apply what that holds; all stays as it is while it does not answer."""
        reported = self.states.all_settled()
        polled = await self.poller.poll(self.own_process.heartbeat(), reported, self.own_process.progress())
        if polled is None:
            return
        self.peers.know(polled.processes)
        changed = self.states.apply_poll(polled.states, polled.asked_at, time.monotonic())
        for state in changed:
            self._changed(state)
            if state.scope == GLOBAL_SCOPE:  # at a start there may be thousands of others; the row tells of them
                self._acknowledge(state)
        if changed or self.states.all_settled() != reported:
            self.poller.soon()  # its row tells of it

    def heard_state(self, announcement: StateAnnouncement) -> None:
        """Apply a stop that was announced over a bus at once; ask PostgreSQL about everything that is news.

        Anybody may have said it who can write on the bus, so what lets messages be sent is never taken from there.
        """
        state = announcement.state
        if state == self.states.get(state.scope):
            self.announcer.heard(announcement)
            return
        if self.states.hear(state, time.monotonic()):
            self._changed(state)
            self._acknowledge(state)
        self.poller.soon()

    def heard_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Help a process that lags behind, or catch up with one that is ahead or new."""
        self.peers.keep_heartbeat(heartbeat)
        state = self.states.settled()
        order = (0, 0) if state is None else state.order
        if heartbeat.order < order:
            self.announcer.lagging()
        elif heartbeat.order > order or not self.peers.knows(heartbeat.sender):
            self.poller.soon()

    def _settle(self, decision: Decision) -> None:
        """Apply what this process has committed; of a repeated command PostgreSQL may have decided otherwise since."""
        state = decision.state
        apply = self.states.hear if decision.status is CommandStatus.DUPLICATE else self.states.settle
        if apply(state, time.monotonic()):
            self._changed(state)
            self._acknowledge(state)
        elif state == self.states.get(state.scope):
            return
        self.poller.soon()

    def _changed(self, state: ControlState) -> None:
        log.info(
            "a state was applied",
            scope=state.scope,
            desired=state.desired,
            epoch=state.epoch,
            revision=state.revision,
        )
        self.subscribers.state_changed(state)

    def _acknowledge(self, state: ControlState) -> None:
        self.publisher.acknowledge(self.own_process.ack(state))
