"""How the rate grows with the number of instances when the webhook is slow, and what PgBouncer in between costs."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.backlog import Planned, insert_due, refresh
from bench.installation import Installation, installation
from bench.series import Figures, Series, beside, one
from bench.surroundings import Surroundings
from bench.webhook import Arrivals, running_webhook
from support.poolers import pgbouncer

_ANSWER_SECONDS = 0.05
_CONCURRENT = 20
#: A batch keeps an instance busy for 0.25 s: the last ones must not wait in one instance while the others are idle.
_SLOW = {"SCHEDULER__MAX_CONCURRENT": str(_CONCURRENT), "SCHEDULER__BATCH_SIZE": "100", "POSTGRES__POOL_SIZE": "2"}
#: As docker-compose.yml runs it.
_POOLER = {
    "AUTH_TYPE": "scram-sha-256",
    "POOL_MODE": "transaction",
    "DEFAULT_POOL_SIZE": "20",
    "MAX_CLIENT_CONN": "1000",
}
_WARM_UP = 400


@dataclass(frozen=True, slots=True)
class Delivered:
    """A backlog that was delivered, and what arrived."""

    planned: Sequence[Planned]
    arrivals: Arrivals

    @property
    def rate(self) -> float:
        """Messages per second from the first to the last arrival."""
        return len(set(self.arrivals.ids)) / (self.arrivals.span or 1)


def measure_wide(around: Surroundings) -> Figures:
    """Instances of one worker process each; `bare` is what their requests in flight allow, and PostgreSQL itself."""
    runs = {}
    with running_webhook(around.webhook.key, _ANSWER_SECONDS) as slow:
        for instances in around.scale.fleets:
            runs[instances] = _fleet(replace(around, webhook=slow), instances)
    rates = {
        f"rate of {instances}": one("msg/s", run.rate, instances * _CONCURRENT / _ANSWER_SECONDS)
        for instances, run in runs.items()
    }
    return {"wide": {**rates, **_mistakes(list(runs.values()))}, **_through_pooler(around)}


def _fleet(around: Surroundings, instances: int) -> Delivered:
    with installation(around, f"wide_{instances}") as site:
        site.workers(instances, 1, **_SLOW)
        _deliver(site, instances * _CONCURRENT)
        return _deliver(site, instances * around.scale.fleet_messages)


def _deliver(site: Installation, count: int) -> Delivered:
    webhook = site.around.webhook
    planned = insert_due(site.db, count)
    refresh(site.db)
    webhook.reset()
    site.command("start")
    site.finish(count, site.around.scale.patience)
    site.command("stop")
    return Delivered(planned, webhook.report())


def _through_pooler(around: Surroundings) -> Figures:
    """Two instances, the quick webhook; nothing where PgBouncer is not installed."""
    if shutil.which("pgbouncer", path="/usr/bin:/usr/sbin:/sbin") is None:
        return {}
    direct, pooled = [_two_instances(around, "direct_0", pooled=False)], []
    for number in range(1, around.scale.rounds + 1):
        pooled.append(_two_instances(around, f"pooled_{number}", pooled=True))
        direct.append(_two_instances(around, f"direct_{number}", pooled=False))
    rates = Series("msg/s", tuple(run.rate for run in pooled), beside([run.rate for run in direct]))
    return {"pgbouncer": {"rate": rates, **_mistakes(pooled)}}


def _two_instances(around: Surroundings, name: str, pooled: bool) -> Delivered:
    with installation(around, name) as site, _settings(site, around.folder / f"{name}-pooler", pooled) as settings:
        workers = site.workers(2, 1, **settings)
        _deliver(site, _WARM_UP)
        delivered = _deliver(site, around.scale.messages)
        for process in workers:
            process.stop()  # before PgBouncer ends, or they complain
        return delivered


@contextmanager
def _settings(site: Installation, folder: Path, pooled: bool) -> Iterator[dict[str, str]]:
    if not pooled:
        yield {}
        return
    folder.mkdir()
    with pgbouncer(site.environment["SENDOFF_POSTGRES__URL"], _POOLER, folder) as url:
        yield {"POSTGRES__URL": url, "POSTGRES__PREPARED_STATEMENTS": "false"}


def _mistakes(runs: list[Delivered]) -> dict[str, Series]:
    lost = tuple(run.arrivals.lost({planned.id for planned in run.planned}) for run in runs)
    return {"lost": Series("", lost), "duplicates": Series("", tuple(run.arrivals.duplicates for run in runs))}
