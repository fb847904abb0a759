"""A publisher of events competes for the cores of its machine with those who deliver."""

import os
from pathlib import Path

from psutil import Process

from support.event_log import EventLog
from support.instances import Launcher
from support.waiting import eventually


async def test_a_process_that_only_tells_of_events_gives_way_to_others(events: EventLog, launch: Launcher) -> None:
    alone = launch.ingest("alone")
    with_messages = launch.ingest("both", INGEST__ENABLED="true")
    await eventually(lambda: "taking messages in" in with_messages.tail(), "messages are taken in")
    await eventually(lambda: Process(alone.popen.pid).nice() == min(os.nice(0) + 10, 19), "the publisher gives way")
    assert Process(with_messages.popen.pid).nice() == os.nice(0), "nobody who takes messages in does"
    if group_of(os.getpid()) is not None:
        await eventually(lambda: group_of(alone.popen.pid) == 10, "its whole session gives way")
        assert group_of(with_messages.popen.pid) == 0


def group_of(pid: int) -> int | None:
    """The niceness of a process' session, or None where Linux makes no groups of sessions."""
    try:
        return int(Path(f"/proc/{pid}/autogroup").read_text().rpartition(" ")[2])
    except (OSError, ValueError):
        return None
