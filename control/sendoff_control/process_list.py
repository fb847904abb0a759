"""Which processes are alive, and what each of them has applied."""

import asyncio
import time

from psycopg.rows import kwargs_row

from sendoff_control.bounded_queries import BoundedQueries
from sendoff_control.own_process import OwnProcess
from sendoff_control.peers import Peers
from sendoff_control.status import ProcessStatus, process_of_heartbeat, process_of_row
from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.control import GLOBAL_SCOPE, ControlState
from sendoff_domain.errors import UnavailableError

_TIMEOUT = 2.0
#: How often the processes are listed again while acks are awaited.
_LIST_INTERVAL = 0.2


async def list_processes(connection: Connection) -> list[ProcessStatus]:
    """The processes that have reported themselves to PostgreSQL lately."""
    async with connection.cursor(row_factory=kwargs_row(process_of_row)) as cursor:
        await cursor.execute(read_statement(__package__, "list_processes"))
        return await cursor.fetchall()


class ProcessList:
    """Lists the processes from PostgreSQL, or from their heartbeats on the buses while PostgreSQL does not answer.

    The last ack of each process counts if it is newer than its row.
    """

    def __init__(self, queries: BoundedQueries, peers: Peers, own_process: OwnProcess) -> None:
        self._queries = queries
        self._peers = peers
        self._own_process = own_process

    async def read(self) -> list[ProcessStatus]:
        """The living processes, this one included."""
        listed = await self._listed() if self._own_process.bus_health["postgres"] == "up" else None
        if listed is None:
            own = self._own_process.heartbeat()
            others = [heartbeat for heartbeat in self._peers.living() if heartbeat.sender != own.sender]
            return [process_of_heartbeat(heartbeat) for heartbeat in (own, *others)]
        return [process.updated(self._peers.last_ack(process.identity.name, GLOBAL_SCOPE)) for process in listed]

    async def wait_until_applied(self, state: ControlState, timeout: float) -> bool:
        """Wait until every living process has applied a state; False if `timeout` seconds pass first."""
        deadline = time.monotonic() + timeout
        processes: list[ProcessStatus] = []
        listed_at = float("-inf")
        while True:
            next_ack = self._peers.next_ack
            if time.monotonic() - listed_at > _LIST_INTERVAL:
                processes = await self.read()
                listed_at = time.monotonic()
            if all(self._has_applied(process, state) for process in processes):
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            try:
                async with asyncio.timeout(min(left, _LIST_INTERVAL)):
                    await next_ack.wait()
            except TimeoutError:
                continue

    def _has_applied(self, process: ProcessStatus, state: ControlState) -> bool:
        ack = self._peers.last_ack(process.identity.name, state.scope)
        return process.has_applied(state) or (ack is not None and (ack.epoch, ack.revision) >= state.order)

    async def _listed(self) -> list[ProcessStatus] | None:
        try:
            return await self._queries.ask(list_processes, _TIMEOUT)
        except UnavailableError:
            return None
