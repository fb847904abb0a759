"""How late messages arrive that were scheduled ahead, and that none is early, next to timers in bare aiohttp."""

from collections.abc import Mapping, Sequence

from bench.backlog import Planned, insert_ahead, insert_due, plan_ahead, refresh
from bench.ceiling import post_bare_on_time
from bench.installation import Installation, installation
from bench.series import Figures, Series, one, percentile
from bench.surroundings import Surroundings
from bench.webhook import Arrivals

_WARM_UP = 400
_WINDOWS = 4
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


def measure_lateness(around: Surroundings) -> Figures:
    """Arrival at the webhook minus due time, at each rate of the scale, in milliseconds."""
    figures: Figures = {}
    with installation(around, "lateness") as site:
        site.workers(processes=2)
        site.command("start")
        insert_due(site.db, _WARM_UP)
        site.finish(_WARM_UP, around.scale.patience)
        for rate in around.scale.rates:
            figures[f"lateness {rate}/s"] = _at_rate(site, rate)
    return figures


def _at_rate(site: Installation, rate: int) -> dict[str, Series]:
    around, seconds = site.around, site.around.scale.lateness_seconds
    floor = delays(*post_bare_on_time(around.webhook, plan_ahead(round(rate * around.scale.floor_seconds), rate)))
    refresh(site.db)
    around.webhook.reset()
    planned = insert_ahead(site.db, round(rate * seconds), rate)
    site.finish(len(planned), seconds + around.scale.patience)
    arrivals = around.webhook.report()
    late = delays(planned, arrivals)
    series = {name: one("ms", percentile(late, share), percentile(floor, share)) for name, share in _SHARES.items()}
    return {
        **series,
        f"p99 by {seconds / _WINDOWS:g} s": Series("ms", _windows(planned, arrivals)),
        "early": one("", sum(delay < 0 for delay in late)),
        "lost": one("", arrivals.lost({message.id for message in planned})),
        "duplicates": one("", arrivals.duplicates),
        "bad signatures": one("", arrivals.bad_signatures),
    }


def delays(planned: Sequence[Planned], arrivals: Arrivals) -> list[float]:
    """Arrival minus due time of each planned message that arrived, in milliseconds."""
    due = {message.id: message.due_at for message in planned}
    return [_delay(due, id, moment) for id, moment in zip(arrivals.ids, arrivals.moments, strict=True) if id in due]


def _delay(due: Mapping[str, float], message_id: str, moment: float) -> float:
    return (moment - due[message_id]) * 1000


def _windows(planned: Sequence[Planned], arrivals: Arrivals) -> tuple[float, ...]:
    """The p99 of each quarter of the run: a burst of noise spoils one of them, slowness all."""
    size = -(-len(planned) // _WINDOWS)
    parts = [planned[start : start + size] for start in range(0, len(planned), size)]
    return tuple(percentile(delays(part, arrivals), 0.99) for part in parts)
