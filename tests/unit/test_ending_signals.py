"""Ending signals that do not interrupt the main thread's waiting: another thread took them, or they came before it."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest
import uvloop

from sendoff_cli.supervisor import Supervisor, stopped_by_signals
from sendoff_config.ending_signals import awaited_signals, set_by_signals
from support.ending_signals import signals_as_before

__all__ = ["signals_as_before"]

pytestmark = pytest.mark.usefixtures("signals_as_before")


@pytest.fixture
def other_thread() -> Iterator[threading.Thread]:
    """A thread that waits, and can take signals."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait, daemon=True)
    thread.start()
    yield thread
    done.set()
    thread.join(10)


def send_when_idle(thread: threading.Thread, number: signal.Signals) -> threading.Timer:
    """Let that thread take the signal, soon, when the main one waits."""
    assert thread.ident is not None
    timer = threading.Timer(0.2, signal.pthread_kill, (thread.ident, number))
    timer.start()
    return timer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_waiting_ends_with_a_signal_that_another_thread_took(
    other_thread: threading.Thread, number: signal.Signals
) -> None:
    with awaited_signals() as wait:
        timer = send_when_idle(other_thread, number)
        wait()
        timer.join()


def test_waiting_ends_with_a_signal_that_came_before_it() -> None:
    with awaited_signals() as wait:
        os.kill(os.getpid(), signal.SIGTERM)
        wait()


def test_other_signals_do_not_end_the_waiting() -> None:
    seen: list[int] = []
    sent: list[int] = []

    def send_ending_signal() -> None:
        sent.append(signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGUSR1, lambda number, _: seen.append(number))
    try:
        with awaited_signals() as wait:
            os.kill(os.getpid(), signal.SIGUSR1)
            timer = threading.Timer(0.2, send_ending_signal)
            timer.start()
            wait()
            assert sent == [signal.SIGTERM]
            timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]


def test_the_supervisor_follows_a_signal_that_another_thread_took(other_thread: threading.Thread) -> None:
    async def supervise() -> int:
        supervisor = Supervisor([], lambda _: None)
        with stopped_by_signals(supervisor):
            send_when_idle(other_thread, signal.SIGTERM)
            async with asyncio.timeout(20):
                return await supervisor.run()

    assert asyncio.run(supervise()) == 0


def test_a_process_on_uvloop_follows_a_signal_that_another_thread_took(other_thread: threading.Thread) -> None:
    async def serve() -> bool:
        stop = asyncio.Event()
        with set_by_signals(stop):
            send_when_idle(other_thread, signal.SIGTERM)
            async with asyncio.timeout(20):
                return await stop.wait()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(serve())
