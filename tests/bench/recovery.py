"""How long the messages of a killed worker wait until another one has sent them."""

import time
from dataclasses import dataclass, replace

from bench.backlog import insert_due, refresh
from bench.installation import Installation, installation
from bench.series import Figures, Series
from bench.surroundings import Surroundings
from bench.webhook import running_webhook
from support.instances import Process

_ANSWER_SECONDS = 0.05
_SMALL = {"SCHEDULER__MAX_CONCURRENT": "20", "SCHEDULER__BATCH_SIZE": "100"}
#: Two workers need about two seconds for them, so that the backlog is gone when the leases end.
_MESSAGES = 1_500
_KILL_AT = 300


@dataclass(frozen=True, slots=True)
class Kill:
    """What was claimed when a worker was killed, seconds until all of that had arrived, what was lost or came again."""

    claimed: int
    seconds: float
    lost: int
    sent_twice: int


def measure_recovery(around: Surroundings) -> Figures:
    """Two instances of one worker each; one gets SIGKILL while it sends, in each round another pair."""
    with running_webhook(around.webhook.key, _ANSWER_SECONDS) as slow:
        kills = [_round(replace(around, webhook=slow), number) for number in range(around.scale.rounds)]
    return {
        "recovery": {
            "seconds": Series("s", tuple(kill.seconds for kill in kills)),
            "claimed": Series("", tuple(kill.claimed for kill in kills)),
            # Requests that were in flight: their answer was lost with the worker.
            "sent twice": Series("", tuple(kill.sent_twice for kill in kills)),
            "lost": Series("", tuple(kill.lost for kill in kills)),
        }
    }


def _round(around: Surroundings, number: int) -> Kill:
    with installation(around, f"recovery_{number}") as site:
        victim, _ = site.workers(2, 1, **_SMALL)
        planned = {message.id for message in insert_due(site.db, _MESSAGES)}
        refresh(site.db)
        site.command("start")
        around.webhook.has(_KILL_AT, around.scale.patience)
        killed_at, claimed = _kill(site, victim)
        site.finish(_MESSAGES, around.scale.patience)
        arrivals = around.webhook.report()
    late = [moment for id, moment in zip(arrivals.ids, arrivals.moments, strict=True) if id in claimed]
    return Kill(len(claimed), max(late, default=killed_at) - killed_at, arrivals.lost(planned), arrivals.duplicates)


def _kill(site: Installation, victim: Process) -> tuple[float, set[str]]:
    """Kill it; returns when, and the ids of all messages that were claimed then.

    A `holder` does not tell whose they are: any worker may take the batches that an instance has claimed.
    """
    killed_at = time.time()
    victim.kill()
    rows = site.db.execute(b"SELECT 'msg_' || replace(message_id::text, '-', '') FROM due WHERE holder IS NOT NULL")
    return killed_at, {row[0] for row in rows}
