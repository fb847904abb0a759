"""Cuts lines into pieces that an import takes: empty lines keep the numbers of the others what they are."""

from collections.abc import Iterable, Iterator

from sendoff_cli.imports.source_line import SourceLine
from sendoff_domain.jobs import MOST_PIECE_ITEMS

#: A piece is sent once it has so many bytes; one line more and it is still far below what is taken.
_ENOUGH = 1024 * 1024


def cut_pieces(lines: Iterable[SourceLine]) -> Iterator[tuple[int, bytes]]:
    """The pieces, each with the number of messages in it."""
    piece = bytearray()
    items = last = 0
    for line in lines:
        if items and (items == MOST_PIECE_ITEMS or len(piece) >= _ENOUGH):
            yield items, bytes(piece)
            piece.clear()
            items = 0
        piece += b"\n" * (line.number - last - 1) + line.text + b"\n"
        items, last = items + 1, line.number
    if items:
        yield items, bytes(piece)
