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
    #: The messages that are due for a customer whose webhook hangs, and how long the others are watched (seconds).
    hanging_messages: int
    beside_seconds: float
    #: What a customer publishes at once, how much of it the stream keeps, and how long the others publish (seconds).
    flood_messages: int
    flood_quota: int
    flood_seconds: float
    #: How often delivering is measured with events, beside as often without and once more.
    pairs: int
    accept_seconds: float
    batch_items: int
    ingested: int
    instances: int
    stops: int
    idle_seconds: float
    #: Rows that are due later, and rows that were delivered; the claims of a round, and those under an old snapshot.
    stock: tuple[int, int]
    claims: int
    pinned_claims: int
    #: Numbers of instances, and the messages of each.
    fleets: tuple[int, ...]
    fleet_messages: int
    #: The messages and customers of the day that the admin pages show, and how often each page is opened.
    day_messages: int
    day_customers: int
    page_visits: int
    #: How long anything that should happen is waited for before it counts as lost.
    patience: float = 60.0


FULL = Scale(
    rounds=3,
    messages=20_000,
    rates=(200, 1_000, 3_000),
    lateness_seconds=20,
    floor_seconds=5,
    hanging_messages=100_000,
    beside_seconds=8,
    flood_messages=1_000_000,
    flood_quota=250_000,
    flood_seconds=40,
    pairs=5,
    accept_seconds=2,
    batch_items=5_000,
    ingested=50_000,
    instances=8,
    stops=20,
    idle_seconds=10,
    stock=(1_000_000, 2_000_000),
    claims=10,
    pinned_claims=40,
    fleets=(1, 2, 4, 8),
    fleet_messages=2_000,
    day_messages=1_000_000,
    day_customers=1_000,
    page_visits=300,
)
QUICK = Scale(
    rounds=1,
    messages=500,
    rates=(200, 1_000, 3_000),
    lateness_seconds=1,
    floor_seconds=0.5,
    hanging_messages=2_000,
    beside_seconds=1,
    flood_messages=20_000,
    flood_quota=5_000,
    flood_seconds=1,
    pairs=1,
    accept_seconds=0.3,
    batch_items=200,
    ingested=2_000,
    instances=2,
    stops=2,
    idle_seconds=1,
    stock=(10_000, 20_000),
    claims=2,
    pinned_claims=4,
    fleets=(1, 2),
    fleet_messages=100,
    day_messages=2_000,
    day_customers=10,
    page_visits=4,
)
