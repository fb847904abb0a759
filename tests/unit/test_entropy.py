"""Random bytes that are taken from the kernel many at a time."""

from sendoff_intake.entropy import Entropy


def test_no_piece_is_given_twice() -> None:
    entropy = Entropy(10)
    pieces = [entropy.take() for _ in range(2_000)]
    assert len(set(pieces)) == len(pieces)
    assert {len(piece) for piece in pieces} == {10}


def test_two_processes_do_not_share_pieces() -> None:
    """Each process makes its own, so that nothing is copied by a fork."""
    one, other = Entropy(10), Entropy(10)
    assert {one.take() for _ in range(500)}.isdisjoint(other.take() for _ in range(500))
