"""Ending signals while an instance is started."""

import os
import signal
import sys

import pytest

from sendoff_cli.interruption import interrupted_by_signals


class Finalized:
    """Python drops what is raised in its finalizer, as it does in the callbacks of a fork."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        for _ in range(1000):  # until the handler runs, here and nowhere else
            pass


def test_a_signal_raises_where_the_program_stands() -> None:
    with interrupted_by_signals(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_whose_exception_python_dropped_is_found_at_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda one: dropped.append(one.exc_type))
    with interrupted_by_signals() as check_interruption:
        check_interruption()
        Finalized()
        assert dropped == [KeyboardInterrupt]
        with pytest.raises(KeyboardInterrupt):
            check_interruption()


def test_without_a_signal_nothing_is_raised() -> None:
    with interrupted_by_signals() as check_interruption:
        check_interruption()
