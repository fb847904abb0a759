"""Charts of the last hour as SVG paths, drawn here: a browser needs no script to see them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: The size of a chart in its own units.
WIDTH, HEIGHT = 600, 120
#: What a line may be drawn with; the style sheet has a colour for each.
_MARKS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: its name, its path, and its last value as text (None: not known)."""

    name: str
    path: str
    area: str
    last: str | None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: its lines, the highest value of its scale as text, and what it says to those who can't see it."""

    name: str
    title: str
    lines: Sequence[Line]
    top: str
    half: str
    spoken: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known of the whole hour."""
        return not any(line.path for line in self.lines)


def draw_chart(
    name: str,
    title: str,
    series: Sequence[tuple[str, Sequence[float | None]]],
    write: Callable[[float | None], str],
) -> Chart:
    """Draw series of values, one for each step, the oldest first; None leaves a gap. `write` makes a value a text."""
    highest = max((value for _, values in series for value in values if value is not None), default=0.0)
    top = nice_top(highest)
    lines = [_line(label, values, top, write) for label, values in series]
    said = ", ".join(f"{line.name} {line.last}" for line in lines if line.last is not None) or "nothing is known"
    return Chart(
        name,
        title,
        lines,
        write(top),
        write(top / 2),
        f"{title} over the last hour; now {said}; highest {write(highest)}",
    )


def nice_top(highest: float) -> float:
    """The end of a scale that holds the highest value: 1, 2 or 5 with zeros."""
    if highest <= 1:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(highest))
    return next(mark * unit for mark in _MARKS if mark * unit >= highest)


def _line(name: str, values: Sequence[float | None], top: float, write: Callable[[float | None], str]) -> Line:
    runs = _runs(values, top)
    drawn = ["L".join(f"{x:g} {y:g}" for x, y in run) for run in runs]
    path = " ".join(
        f"M{points}h.01" if len(run) == 1 else f"M{points}" for run, points in zip(runs, drawn, strict=True)
    )
    area = " ".join(
        f"M{run[0][0]:g} {HEIGHT}L{points}L{run[-1][0]:g} {HEIGHT}Z"
        for run, points in zip(runs, drawn, strict=True)
        if len(run) > 1
    )
    last = next((value for value in reversed(values[-3:]) if value is not None), None)
    return Line(name, path, area, None if last is None else write(last))


def _runs(values: Sequence[float | None], top: float) -> list[list[tuple[float, float]]]:
    """The points of the line between its gaps."""
    runs: list[list[tuple[float, float]]] = [[]]
    width = max(1, len(values) - 1)
    for index, value in enumerate(values):
        if value is not None:
            runs[-1].append((round(index * WIDTH / width, 1), round(HEIGHT - value * HEIGHT / top, 1)))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
