"""A publisher of events competes for the cores of its machine with those who deliver."""

import os

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
