"""Random bytes that are asked for many pieces at a time."""

import os

from sendoff_domain.ids import Entropy


def test_no_piece_is_given_twice() -> None:
    entropy = Entropy(os.urandom, 10)
    pieces = [entropy.take() for _ in range(2_000)]
    assert len(set(pieces)) == len(pieces)
    assert {len(piece) for piece in pieces} == {10}


def test_two_processes_do_not_share_pieces() -> None:
    """Each process makes its own, so that nothing is copied by a fork."""
    one, other = Entropy(os.urandom, 10), Entropy(os.urandom, 10)
    assert {one.take() for _ in range(500)}.isdisjoint(other.take() for _ in range(500))


def test_the_kernel_is_asked_once_for_500_pieces() -> None:
    asked: list[int] = []

    def random_bytes(size: int) -> bytes:
        asked.append(size)
        return os.urandom(size)

    entropy = Entropy(random_bytes, 10)
    for _ in range(501):
        entropy.take()
    assert asked == [5_000, 5_000]
