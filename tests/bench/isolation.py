"""How late the messages of 19 customers are while the webhook of a twentieth hangs, next to the same without it."""

from bench.backlog import Planned, insert_ahead, insert_due, refresh
from bench.installation import Installation, installation
from bench.lateness import delays
from bench.series import Figures, Series, beside, percentile
from bench.surroundings import Surroundings
from bench.webhook import Arrivals, Webhook, running_webhook
from sendoff_domain.signing_secret import format_secret
from support.client import Client
from support.waiting import wait_until

_QUICK = tuple(f"quick-{number}" for number in range(19))
_HANGING = "hanging"
_ANSWER_SECONDS = 30
#: Messages a second of the 19 together.
_RATE = 380
_WARM_UP = 400
#: It hangs on all slots that it gets when so many of its requests are open.
_STUCK = 100
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}

Run = tuple[list[Planned], Arrivals]


def measure_isolation(around: Surroundings) -> Figures:
    """Arrival minus due time in milliseconds; runs without (`bare`) and with the hanging customer take turns."""
    beside_it: list[Run] = []
    with (
        installation(around, "isolation") as site,
        running_webhook(around.webhook.key, _ANSWER_SECONDS) as hanging,
    ):
        _, client = site.api()
        _add_customers(client, around.webhook, hanging)
        site.workers(processes=2)
        site.command("start")
        insert_due(site.db, _WARM_UP, _QUICK)
        site.finish(_WARM_UP, around.scale.patience)
        alone = [_run(site)]
        for _ in range(2):
            _hang(site, hanging)
            beside_it.append(_run(site))
            _forget(site)
            alone.append(_run(site))
    return {"isolation": _figures(beside_it, alone)}


def _add_customers(client: Client, quick: Webhook, hanging: Webhook) -> None:
    urls = dict.fromkeys(_QUICK, quick.url) | {_HANGING: hanging.url}
    for customer, url in urls.items():
        fields = {"id": customer, "webhookUrl": url, "timeout": "1m", "secret": format_secret(quick.key)}
        answer = client.call("POST", "/v1/customers", fields)
        assert answer.status == 201, answer


def _hang(site: Installation, hanging: Webhook) -> None:
    """A backlog of the customer whose webhook hangs, on which the workers have begun."""
    hanging.reset()
    insert_due(site.db, site.around.scale.hanging_messages, (_HANGING,))
    wait_until(lambda: hanging.count() >= _STUCK, "its webhook hangs", timeout=site.around.scale.patience)


def _forget(site: Installation) -> None:
    site.db.execute(b"DELETE FROM due WHERE customer_id = 'hanging'")


def _run(site: Installation) -> Run:
    around = site.around
    refresh(site.db)
    around.webhook.reset()
    planned = insert_ahead(site.db, round(_RATE * around.scale.beside_seconds), _RATE, _QUICK)
    around.webhook.has(len(planned), around.scale.beside_seconds + around.scale.patience)
    return planned, around.webhook.report()


def _figures(beside_it: list[Run], alone: list[Run]) -> dict[str, Series]:
    late, usual = [delays(*run) for run in beside_it], [delays(*run) for run in alone]
    series = {
        name: Series(
            "ms",
            tuple(percentile(one, share) for one in late),
            beside([percentile(one, share) for one in usual]),
        )
        for name, share in _SHARES.items()
    }
    lost = tuple(arrivals.lost({message.id for message in planned}) for planned, arrivals in (*beside_it, *alone))
    return {
        **series,
        "early": Series("", tuple(sum(delay < 0 for delay in one) for one in (*late, *usual))),
        "lost": Series("", lost),
        "duplicates": Series("", tuple(arrivals.duplicates for _, arrivals in (*beside_it, *alone))),
    }
