"""Output that never fails: each way in which a write can fail, and what is written afterwards."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sendoff_config.lossy_output import LossyOutput

LINE = b"x" * 4095 + b"\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe, the reading one first."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def fill(output: LossyOutput) -> None:
    """Write more than a pipe holds."""
    for _ in range(20):
        output.write(LINE)


def test_what_is_written_arrives(pipe: tuple[int, int]) -> None:
    assert LossyOutput(pipe[1]).write(b"a line\n") == 7
    assert os.read(pipe[0], 100) == b"a line\n"


def test_a_reader_that_is_gone_is_no_error(pipe: tuple[int, int]) -> None:
    output = LossyOutput(pipe[1])
    os.close(pipe[0])
    assert output.write(b"a line\n") == 7
    assert LossyOutput(pipe[1]).write(b"a line\n") == 7


def test_a_full_disk_and_a_closed_descriptor_are_no_errors(pipe: tuple[int, int]) -> None:
    with Path("/dev/full").open("wb") as full:
        assert LossyOutput(full.fileno()).write(LINE) == len(LINE)
    os.close(pipe[1])
    assert LossyOutput(pipe[1]).write(LINE) == len(LINE)


def test_a_stalled_reader_is_waited_for_once_only(pipe: tuple[int, int]) -> None:
    output = LossyOutput(pipe[1])
    began = time.monotonic()
    fill(output)
    first = time.monotonic()
    fill(output)
    assert first - began > 0.4
    assert time.monotonic() - first < (first - began) / 2
    assert os.get_blocking(pipe[1])  # others who write to it wait as they did


def test_after_a_stall_lines_arrive_again(pipe: tuple[int, int]) -> None:
    output = LossyOutput(pipe[1])
    fill(output)
    read = os.read(pipe[0], 1 << 20)
    output.write(b"again\n")
    assert set(read.splitlines(keepends=True)) == {LINE}
    assert os.read(pipe[0], 1 << 20) == b"again\n"


def test_what_was_cut_does_not_run_into_the_next_line(pipe: tuple[int, int]) -> None:
    output = LossyOutput(pipe[1])
    output.write(b"y" * 200_000 + b"\n")
    read = os.read(pipe[0], 1 << 20)
    assert set(read) == set(b"y")
    output.write(b"again\n")
    output.write(b"and again\n")
    assert os.read(pipe[0], 1 << 20) == b"\nagain\nand again\n"
