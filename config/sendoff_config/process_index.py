"""How an instance's limits are shared among its processes, so that they hold for the instance as a whole."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProcessIndex:
    """This process among those of its instance: number `index` of `count`."""

    index: int
    count: int

    def share(self, total: int) -> int:
        """This process's part of a limit; the parts add up to it exactly, so some may be zero."""
        return total // self.count + (1 if self.index < total % self.count else 0)


def parse_process_index(text: str) -> ProcessIndex:
    """Read `0/2`; raises ValueError unless it names a process that exists."""
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise ValueError(f"expected index/count such as 0/2, got {text!r}")
    return ProcessIndex(int(index), int(count))
