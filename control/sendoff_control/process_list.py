"""Which processes are alive, and what each of them has applied."""

import asyncio
import time

import psycopg
from psycopg.rows import kwargs_row

from sendoff_control.bounded_queries import BoundedQueries
from sendoff_control.own_process import OwnProcess
from sendoff_control.peers import Peers
from sendoff_control.status import ProcessStatus, process_of_heartbeat, process_of_row
from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.control import ControlState
from sendoff_domain.errors import UnavailableError

_TIMEOUT = 2.0
#: After how long the processes are listed again while they are waited for (seconds): a report takes two polls.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.2


async def list_processes(connection: Connection) -> list[ProcessStatus]:
    """The processes that have reported themselves to PostgreSQL lately."""
    async with connection.cursor(row_factory=kwargs_row(process_of_row)) as cursor:
        await cursor.execute(read_statement(__package__, "list_processes"))
        return await cursor.fetchall()


class ProcessList:
    """Lists the processes from the rows that they write to PostgreSQL, or else from what the buses say of them."""

    def __init__(self, queries: BoundedQueries, peers: Peers, own_process: OwnProcess) -> None:
        self._queries = queries
        self._peers = peers
        self._own_process = own_process

    async def reported(self) -> list[ProcessStatus] | None:
        """The living processes by their rows, this one included; None while PostgreSQL does not answer."""
        if self._own_process.bus_health["postgres"] != "up":
            return None
        try:
            return await self._queries.ask(list_processes, _TIMEOUT)
        except (UnavailableError, psycopg.Error):
            return None

    def heard(self) -> list[ProcessStatus]:
        """This process, and the others by their heartbeats on the buses."""
        own = self._own_process.heartbeat()
        others = [heartbeat for heartbeat in self._peers.living() if heartbeat.sender != own.sender]
        return [process_of_heartbeat(heartbeat) for heartbeat in (own, *others)]

    async def wait_until_applied(self, state: ControlState, timeout: float) -> bool:
        """Wait until every living process has reported a state; False if `timeout` seconds pass first."""
        deadline = time.monotonic() + timeout
        pause = _FIRST_PAUSE
        while True:
            processes = await self.reported()
            if processes and all(process.has_applied(state) for process in processes):
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            await asyncio.sleep(min(left, pause))
            pause = min(2 * pause, _LONGEST_PAUSE)
