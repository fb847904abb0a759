"""How late messages were, as counts by bounds: what many processes and hours counted can be added up."""

from collections.abc import Sequence
from itertools import accumulate

#: The upper bounds of lateness that is counted, in seconds; the counts have one place more, for what is above all.
#: The hours that are stored were counted by them, so that they may not change.
LATENESS_BOUNDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400
)  # fmt: skip


def estimate_quantile(counts: Sequence[int], share: float) -> float | None:
    """The lateness that this share of what was counted does not exceed, in seconds; None if nothing was counted.

    It is taken as even between two bounds, as Prometheus does; above the last bound it is that bound.
    """
    sums = list(accumulate(counts))
    if not sums or not sums[-1]:
        return None
    rank = share * sums[-1]
    place = next(place for place, reached in enumerate(sums) if reached >= rank and reached)
    if place >= len(LATENESS_BOUNDS):
        return float(LATENESS_BOUNDS[-1])
    low = LATENESS_BOUNDS[place - 1] if place else 0.0
    below = sums[place - 1] if place else 0
    return low + (LATENESS_BOUNDS[place] - low) * max(0.0, rank - below) / counts[place]
