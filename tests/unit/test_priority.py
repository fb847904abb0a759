"""A process that gives way rests when it had to wait for a core."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sendoff_config.priority import rest_after, waited_for_core


@pytest.mark.parametrize(
    ("seconds", "waited", "rest"), [(0.1, 0.0, 0.0), (0.1, 0.01, 0.0), (0.1, 0.05, 0.2), (2, 1, 1)]
)
def test_a_rest_is_a_multiple_of_what_was_waited_up_to_a_second(seconds: float, waited: float, rest: float) -> None:
    assert rest_after(seconds, waited) == pytest.approx(rest)


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel does not count who waits for a core")
def test_what_was_waited_grows_while_others_keep_all_cores_busy() -> None:
    before, deadline = waited_for_core(), time.monotonic() + 30
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        while waited_for_core() < before + 0.1:
            assert time.monotonic() < deadline, "others had every core, and nothing was waited"
    finally:
        for other in others:
            other.kill()
            other.wait()
