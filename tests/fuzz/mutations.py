"""Inputs without end: what is valid, broken in a few places, over and over from one seed."""

from collections.abc import Iterator, Sequence
from random import Random

#: What has broken parsers before, in any format.
_HOSTILE = (
    *(b"\0", b"\r\n", b"\n", b"\t", b" ", b'"', b"\\", b"\\ud800", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc0\x80"),
    *(b"-1", b"0", b"1e999", b"-0.0", b"NaN", b"9223372036854775808", b"99999999999999999999", b"0x7f", b"1_000"),
    *(b"null", b"true", b"[]", b"{}", b"[[[[[[[[", b'{"a":' * 8, b"," * 5, b":" * 3, b"[" * 600, b"a" * 1000),
)


def inputs(seed: int, count: int, corpus: Sequence[bytes], tokens: Sequence[bytes] = ()) -> Iterator[bytes]:
    """So many inputs made from the corpus; the same seed gives the same ones."""
    random = Random(seed)
    pieces = (*_HOSTILE, *tokens)
    for _ in range(count):
        data = bytearray(random.choice(corpus))
        for _ in range(random.choice((0, 1, 1, 2, 3, 8))):
            _break(data, random, corpus, pieces)
        yield bytes(data)


def _break(data: bytearray, random: Random, corpus: Sequence[bytes], pieces: Sequence[bytes]) -> None:
    """Change one place: a byte, a piece more, a part less, twice or in the place of another."""
    start = random.randrange(len(data) + 1)
    end = min(len(data), start + random.choice((0, 1, 1, 4, 16, 64)))
    match random.randrange(6):
        case 0:
            data[start:end] = random.randbytes(end - start)
        case 1:
            data[start:start] = random.choice(pieces)
        case 2:
            data[start:end] = random.choice(pieces)
        case 3:
            del data[start:end]
        case 4:
            data[start:start] = data[start:end] * random.choice((1, 2, 50))
        case 5:
            other = random.choice(corpus)
            place = random.randrange(len(other) + 1)
            data[start:] = other[place:]
