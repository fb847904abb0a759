"""Random bytes for ids."""

import os

_PIECES_PER_CALL = 500


class Entropy:
    """Gives the kernel's random bytes in pieces of one size, and asks for many at a time: under load each call counts.

    A process that is forked off would give the same pieces once more, so each process makes its own.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._pieces: list[bytes] = []

    def take(self) -> bytes:
        """A piece that was not given before."""
        if not self._pieces:
            block = os.urandom(self._size * _PIECES_PER_CALL)
            self._pieces = [block[start : start + self._size] for start in range(0, len(block), self._size)]
        return self._pieces.pop()
