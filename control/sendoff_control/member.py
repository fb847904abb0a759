"""A process as a member of the fleet: what it has applied, what it tells, and how it commands the others."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from psycopg.types.json import Jsonb

from sendoff_config.identity import Identity
from sendoff_config.settings import Settings
from sendoff_control.announcer import Announcer
from sendoff_control.authority import NO_FENCE, Fence, decide
from sendoff_control.bounded_queries import BoundedQueries
from sendoff_control.peers import Peers
from sendoff_control.poll import Poller
from sendoff_control.protocol import Ack, Actual, BusHealth, Heartbeat, StateAnnouncement
from sendoff_control.publisher import Publisher
from sendoff_control.states import AppliedStates
from sendoff_control.status import FleetStatus, ProcessStatus, fleet_status, process_of_heartbeat, process_of_row
from sendoff_control.subscribers import Subscribers
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all
from sendoff_domain.control import GLOBAL_SCOPE, Command, CommandStatus, ControlState, Decision, Desired, Origin
from sendoff_domain.errors import UnavailableError

_COMMAND_TIMEOUT = 3.0
_STATUS_TIMEOUT = 2.0
#: How often the list of processes is read again while acks are awaited.
_LIST_INTERVAL = 0.2

_log = logging.getLogger(__name__)


class Member:
    """Made by `sendoff_control.fleet.make_member`, and knows nothing until it joins: until then `is_running` says no.

    All methods belong to the event loop in which it joins.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        identity: Identity,
        clock: DatabaseClock,
        postgres: BoundedQueries,
        publisher: Publisher,
    ) -> None:
        self.settings = settings
        self.identity = identity
        self.clock = clock
        self.postgres = postgres
        self.publisher = publisher
        self.states = AppliedStates()
        self.poller = Poller(postgres, clock)
        self.announcer = Announcer(self.states, publisher)
        self.peers = Peers()
        self.subscribers = Subscribers()
        self._in_flight: Callable[[], int] = lambda: 0

    def subscribe(
        self,
        *,
        on_change: Callable[[ControlState], None] | None = None,
        on_wake: Callable[[], None] | None = None,
        on_customer: Callable[[str], None] | None = None,
        in_flight: Callable[[], int] | None = None,
    ) -> None:
        """Have news of the fleet told to those that are given, in the event loop; to be called before joining.

        `on_change` is told each state that is applied, the first one included; `on_wake` that a message was stored
        which is due at once; `on_customer` the id of a customer that was changed. `in_flight` is asked how many
        requests run, for the status; there is one answer to that, so the last one given counts.
        """
        self.subscribers.add(on_change=on_change, on_wake=on_wake, on_customer=on_customer)
        if in_flight is not None:
            self._in_flight = in_flight

    def is_running(self, scope: str = GLOBAL_SCOPE) -> bool:
        """Whether messages may be sent, as far as this process knows: False while it knows nothing.

        For a customer's id: False if everything or that customer is stopped. A dictionary look-up, no I/O.
        """
        return self.states.is_running(scope)

    def state(self, scope: str = GLOBAL_SCOPE) -> ControlState | None:
        """The state that this process has applied, or None if it knows of none."""
        return self.states.get(scope)

    @property
    def bus_health(self) -> dict[str, BusHealth]:
        """How this process sees PostgreSQL and the buses; one that is not configured is `off`."""
        return {"postgres": "up" if self.poller.answers else "down", **self.publisher.health}

    def wake(self) -> None:
        """Tell the workers that a message was stored which is due at once; a lost hint costs one interval."""
        self.publisher.wake()

    def customer_changed(self, customer_id: str) -> None:
        """Tell the fleet that a customer has changed; a process that misses the hint reads it within two seconds."""
        self.publisher.customer_changed(customer_id)

    async def command(self, command: Command, origin: Origin, fence: Fence = NO_FENCE) -> Decision:
        """Commit a command in PostgreSQL and announce its result on both buses.

        Raises UnavailableError when PostgreSQL does not answer within 3 s. The command may have been committed all the
        same; with a `command_id` it is safe to repeat.
        """
        named = replace(command, command_id=command.command_id or str(uuid.uuid4()))
        decision = await self.postgres.ask(
            lambda connection: decide(connection, named, origin, fence), _COMMAND_TIMEOUT
        )
        self._apply(decision.state)
        news = decision.status in (CommandStatus.ACCEPTED, CommandStatus.DUPLICATE)
        if news and self.states.get(decision.scope) == decision.state:
            self.publisher.announce(decision.state, decision.command_id)
        caller = named.requested_by or origin
        _log.info("control: %s of %s by %s: %s", named.action, named.scope, caller, decision.status)
        return decision

    async def wait_for_acks(self, decision: Decision, timeout: timedelta) -> bool:
        """Wait until every living process has applied the decision; False if `timeout` passes first.

        Acks come over the buses at once, and through PostgreSQL within a poll when both buses are down.
        """
        deadline = time.monotonic() + timeout.total_seconds()
        processes: list[ProcessStatus] = []
        listed_at = float("-inf")
        while True:
            news = self.peers.news
            if time.monotonic() - listed_at > _LIST_INTERVAL:
                processes = await self._processes()
                listed_at = time.monotonic()
            if all(self._has_applied(process, decision.state) for process in processes):
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            try:
                async with asyncio.timeout(min(left, _LIST_INTERVAL)):
                    await news.wait()
            except TimeoutError:
                continue

    async def fleet(self) -> FleetStatus:
        """What the fleet should do and does; from the buses alone while PostgreSQL does not answer.

        Raises UnavailableError as long as this process has never learned the state.
        """
        await self.poll()
        state = self.states.get()
        if state is None:
            raise UnavailableError("the state of the fleet is not known yet")
        return fleet_status(self.states.all(), state, await self._processes(), self.bus_health)

    def heartbeat(self) -> Heartbeat:
        """This process as it describes itself to the others."""
        own, state = self.identity, self.states.get()
        return Heartbeat(
            sender=own.name,
            instance=own.instance,
            process=own.process,
            role=own.role,
            host=own.host,
            pid=own.pid,
            version=own.version,
            started_at=own.started_at,
            epoch=state.epoch if state else 0,
            revision=state.revision if state else 0,
            actual=self._actual(),
            in_flight=self._in_flight(),
            buses=self.bus_health,
        )

    def heard_state(self, fact: StateAnnouncement) -> None:
        """Apply a fact if it is newer."""
        self._apply(fact.state)
        self.announcer.heard(fact)

    def heard_heartbeat(self, beat: Heartbeat) -> None:
        """Help a process that lags behind, or catch up with one that is ahead."""
        self.peers.beat(beat)
        state = self.states.get()
        order = (0, 0) if state is None else state.order
        if (beat.epoch, beat.revision) < order:
            self.announcer.lagging()
        elif (beat.epoch, beat.revision) > order:
            self.poller.soon()

    async def poll(self) -> None:
        """Report this process to PostgreSQL and apply what that holds; all stays as it is while it does not answer."""
        polled = await self.poller.poll(self._row())
        if polled is None:
            return
        changed = self.states.apply_poll(polled.states, polled.asked_at, time.monotonic())
        for state in changed:
            self._changed(state)
            if state.scope == GLOBAL_SCOPE:  # at a start there may be thousands of others; the row tells of them
                self._acknowledge(state)
        if changed:
            self.poller.soon()

    def _apply(self, state: ControlState) -> None:
        if self.states.apply_newer(state, time.monotonic()):
            self._changed(state)
            self._acknowledge(state)
            self.poller.soon()

    def _changed(self, state: ControlState) -> None:
        _log.info("control: %s is %s now, revision %d.%d", state.scope, state.desired, state.epoch, state.revision)
        self.subscribers.state_changed(state)

    def _acknowledge(self, state: ControlState) -> None:
        ack = Ack(self.identity.name, state.scope, state.epoch, state.revision, self._actual(), self._in_flight())
        self.peers.ack(ack)
        self.publisher.acknowledge(ack)

    def _actual(self) -> Actual:
        state = self.states.get()
        if state is None:
            return "unknown"
        return "running" if state.desired is Desired.RUNNING else "stopped"

    def _has_applied(self, process: ProcessStatus, state: ControlState) -> bool:
        ack = self.peers.last_ack(process.identity.name, state.scope)
        return process.has_applied(state) or (ack is not None and (ack.epoch, ack.revision) >= state.order)

    async def _processes(self) -> list[ProcessStatus]:
        listed = await self._listed() if self.poller.answers else None
        if listed is None:
            own = self.heartbeat()
            others = [beat for beat in self.peers.living() if beat.sender != own.sender]
            return [process_of_heartbeat(beat) for beat in (own, *others)]
        return [process.updated(self.peers.last_ack(process.identity.name, GLOBAL_SCOPE)) for process in listed]

    async def _listed(self) -> list[ProcessStatus] | None:
        try:
            return await self.postgres.ask(_list_processes, _STATUS_TIMEOUT)
        except UnavailableError:
            return None

    def _row(self) -> dict[str, Any]:
        own = self.identity
        beat = self.heartbeat()
        scopes = {state.scope: state.order for state in self.states.all() if state.scope != GLOBAL_SCOPE}
        return {
            "instance": own.instance,
            "process": own.process,
            "role": own.role,
            "host": own.host,
            "pid": own.pid,
            "version": own.version,
            "started_at": own.started_at,
            "epoch": beat.epoch,
            "revision": beat.revision,
            "actual": beat.actual,
            "in_flight": beat.in_flight,
            "buses": Jsonb(self.bus_health),
            "scopes": Jsonb(scopes),
        }


async def _list_processes(connection: Connection) -> list[ProcessStatus]:
    return [process_of_row(row) for row in await fetch_all(connection, __package__, "list_processes")]
