"""How much is measured: the sizes of a full run, and of a quick one that only shows that everything works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds, counts and durations (seconds) of all figures."""

    rounds: int
    messages: int
    rates: tuple[int, ...]
    lateness_seconds: float
    floor_seconds: float
    accept_seconds: float
    batch_items: int
    instances: int
    stops: int
    idle_seconds: float
    #: How long anything that should happen is waited for before it counts as lost.
    patience: float = 60.0


FULL = Scale(
    rounds=3,
    messages=20_000,
    rates=(200, 1_000, 3_000),
    lateness_seconds=20,
    floor_seconds=5,
    accept_seconds=2,
    batch_items=5_000,
    instances=8,
    stops=20,
    idle_seconds=10,
)
QUICK = Scale(
    rounds=1,
    messages=500,
    rates=(200, 1_000, 3_000),
    lateness_seconds=1,
    floor_seconds=0.5,
    accept_seconds=0.3,
    batch_items=200,
    instances=2,
    stops=2,
    idle_seconds=1,
)
