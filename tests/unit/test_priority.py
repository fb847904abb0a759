"""A process that gives way rests when it had to wait for a core."""

import threading
import time

import pytest

from sendoff_config.priority import rest_after, waited_for_core


@pytest.mark.parametrize(
    ("seconds", "waited", "rest"), [(0.1, 0.0, 0.0), (0.1, 0.01, 0.0), (0.1, 0.05, 0.2), (2, 1, 1)]
)
def test_a_rest_is_a_multiple_of_what_was_waited_up_to_a_second(seconds: float, waited: float, rest: float) -> None:
    assert rest_after(seconds, waited) == pytest.approx(rest)


def test_what_was_waited_never_falls() -> None:
    before = waited_for_core()
    busy = threading.Thread(target=lambda: sum(range(1_000_000)))
    busy.start()
    time.sleep(0.01)
    busy.join()
    assert 0 <= before <= waited_for_core()
