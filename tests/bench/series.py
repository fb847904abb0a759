"""What a figure is made of: one quantity over several rounds, next to what bare code did around each round."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity; `ceilings` has one value for each round, or none where there is nothing to compare with."""

    unit: str
    rounds: tuple[float, ...]
    ceilings: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        """The middle of the rounds, which one disturbed round does not move; NaN where nothing could be measured."""
        return median(self.rounds) if self.rounds else math.nan

    @property
    def ceiling(self) -> float | None:
        """The middle of what bare code did."""
        return median(self.ceilings) if self.ceilings else None

    @property
    def ratio(self) -> float | None:
        """The middle of the rounds' own ratios, each against its neighbours in time."""
        pairs = [(value, bare) for value, bare in zip(self.rounds, self.ceilings, strict=False) if bare]
        return median(value / bare for value, bare in pairs) if pairs else None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "unit": self.unit,
            "median": self.median,
            "low": min(self.rounds, default=math.nan),
            "high": max(self.rounds, default=math.nan),
            "ceiling": self.ceiling,
            "ratio": self.ratio,
            "rounds": list(self.rounds),
            "ceilings": list(self.ceilings),
        }


#: Section to name to series: `figures["deliver"]["rate"]`.
Figures = dict[str, dict[str, Series]]


def one(unit: str, value: float, bare: float | None = None) -> Series:
    """A quantity that was measured once."""
    return Series(unit, (value,), () if bare is None else (bare,))


def beside(measured: Sequence[float]) -> tuple[float, ...]:
    """From measurements before, between and after n rounds: for each round the mean of its two neighbours."""
    return tuple((before + after) / 2 for before, after in pairwise(measured))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed; NaN for no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
