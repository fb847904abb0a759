"""Ending signals in a test's own process."""

import signal
from collections.abc import Iterator

import pytest

from sendoff_config.ending_signals import ending_signals


@pytest.fixture
def signals_as_before() -> Iterator[None]:
    """They are ignored after the last block of a process; without this, in every process that a test starts, too."""
    before = {number: signal.getsignal(number) for number in ending_signals()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
