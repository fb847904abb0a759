"""How fast due messages are delivered: two worker processes against two processes of bare aiohttp."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.accounting import Accounting, server_groups, used
from bench.backlog import Planned, insert_due, refresh
from bench.ceiling import post_bare
from bench.installation import Installation, installation
from bench.series import Figures, Series, beside
from bench.surroundings import Surroundings
from bench.webhook import Arrivals

WARM_UP = 400
#: Whose CPU time delivering costs.
PAID = ("workers", "postgres", "valkey")


@dataclass(frozen=True, slots=True)
class Round:
    """One backlog delivered: what arrived and was recorded, the CPU seconds by group, the memory by worker in MiB."""

    planned: Sequence[Planned]
    arrivals: Arrivals
    recorded: int
    cpu: Mapping[str, float]
    memory: Mapping[str, float]


def measure_deliver(around: Surroundings) -> Figures:
    """The clock of a round runs from the first to the last arrival; the workers are up and idle before it."""
    rounds: list[Round] = []
    bare: list[tuple[float, float]] = []
    with installation(around, "deliver") as site:
        pids = [process.popen.pid for process in site.workers(processes=2)]
        deliver(site, insert_due(site.db, min(WARM_UP, around.scale.messages)), pids)
        planned: list[Planned] = []
        for _ in range(around.scale.rounds):
            planned = insert_due(site.db, around.scale.messages)
            refresh(site.db)
            bare.append(_bare(around, planned))
            rounds.append(deliver(site, planned, pids))
        bare.append(_bare(around, planned))
    return {"deliver": {**_speed(rounds, bare), **_cost(rounds, bare), **_mistakes(rounds)}}


def _bare(around: Surroundings, planned: list[Planned]) -> tuple[float, float]:
    """Messages per second, and CPU seconds per 1,000."""
    arrivals, cpu = post_bare(around.webhook, planned)
    return len(planned) / arrivals.span, cpu * 1000 / len(planned)


def deliver(site: Installation, planned: list[Planned], pids: list[int]) -> Round:
    """Start the fleet, wait until all that is planned has arrived and is recorded, and stop it."""
    webhook = site.around.webhook
    webhook.reset()
    groups = {"workers": pids, "receiver": [webhook.pid], **server_groups()}
    accounting, recorded = Accounting(groups), site.sent()
    before = accounting.read()
    site.command("start")
    site.finish(len(planned), site.around.scale.patience)
    cpu = used(before, accounting.read())
    site.command("stop")
    memory = Accounting({f"worker {number}": [pid] for number, pid in enumerate(pids)}).memory()
    return Round(planned, webhook.report(), site.sent() - recorded, cpu, memory)


def _speed(rounds: list[Round], bare: list[tuple[float, float]]) -> dict[str, Series]:
    rates = tuple(len(set(one.arrivals.ids)) / (one.arrivals.span or 1) for one in rounds)
    return {"rate": Series("msg/s", rates, beside([rate for rate, _ in bare]))}


def _cost(rounds: list[Round], bare: list[tuple[float, float]]) -> dict[str, Series]:
    per_thousand = [{name: spent * 1000 / len(one.planned) for name, spent in one.cpu.items()} for one in rounds]
    paid = tuple(sum(cpu[name] for name in PAID) for cpu in per_thousand)
    series = {"cpu": Series("s/1000", paid, beside([cpu for _, cpu in bare]))}
    for name in rounds[0].cpu:
        series[f"cpu {name}"] = Series("s/1000", tuple(cpu[name] for cpu in per_thousand))
    for name in rounds[0].memory:
        series[f"memory {name}"] = Series("MiB", tuple(one.memory[name] for one in rounds))
    return series


def _mistakes(rounds: list[Round]) -> dict[str, Series]:
    return {
        "lost": Series("", tuple(one.arrivals.lost({planned.id for planned in one.planned}) for one in rounds)),
        "duplicates": Series("", tuple(one.arrivals.duplicates for one in rounds)),
        "unrecorded": Series("", tuple(len(one.planned) - one.recorded for one in rounds)),
        "bad signatures": Series("", tuple(one.arrivals.bad_signatures for one in rounds)),
    }
