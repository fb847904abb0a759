"""A real Prometheus beside a running fleet: every query of every board and rule, and each alert in its fault."""

import asyncio
import contextlib
import re
import secrets
import signal
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import psycopg
import pytest

from sendoff_domain.stream_names import ingest_subject
from support.client import Client
from support.command_line import Running, running
from support.layout import ROOT
from support.metrics import names
from support.producer import SMALL_STREAMS, remove_streams
from support.prometheus import Prometheus, alert_rules, names_in, panel_queries, running_prometheus, shortened
from support.receiver import Receiver, running_receiver
from support.servers import RedisUrls
from support.waiting import wait_until
from support.whole_sendoff import add_customer

#: What there is only while somebody is in trouble.
IN_TROUBLE = {"sendoff_breaker_open", "sendoff_customer_paused"}
#: Bounds that a test can reach within seconds; the real ones are in deploy/prometheus/alerts_test.yml.
SHORTER = {
    "SendoffLate": "histogram_quantile(0.99, sum by (le) (rate(sendoff_lateness_seconds_bucket[5m]))) > 60",
    "SendoffDeadLettersGrow": "sum(increase(sendoff_dead_letters_total[10m])) > 20",
    "SendoffIngestLags": "max(sendoff_ingest_oldest_seconds) > 2",
}
METRICS = ROOT / "docs" / "metrics.md"


@dataclass
class Watched:
    """A fleet with a Prometheus that watches it, and a client of its API."""

    fleet: Running
    api: Client
    prometheus: Prometheus
    database: str
    nats: str
    prefix: str

    def fires(self, alert: str) -> None:
        """Wait until an alert fires."""
        wait_until(lambda: alert in self.prometheus.firing(), f"{alert} fires", 60, every=0.5)

    def is_over(self, alert: str) -> None:
        """Wait until it fires no longer."""
        wait_until(lambda: alert not in self.prometheus.firing(), f"{alert} is over", 60, every=0.5)

    def send(self, count: int = 1, **fields: Any) -> None:
        """Let messages in."""
        items = [{"to": "a", "content": number, **fields} for number in range(count)]
        assert self.api.call("POST", "/v1/messages/batch", items).status == 202

    def execute(self, statement: str) -> None:
        """Change the database behind the fleet's back."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute(statement.encode())

    def publish(self) -> None:
        """A message into the stream of the ingest."""

        async def publish() -> None:
            client = await nats.connect(self.nats)
            await client.jetstream().publish(ingest_subject(self.prefix, "default"), b'{"to": "a", "content": 1}')
            await client.close()

        asyncio.run(publish())

    def freeze(self, role: str, number: signal.Signals = signal.SIGSTOP) -> None:
        """Freeze the last process of that kind, or let it go on with SIGCONT."""
        self.fleet.named(f"sendoff {role}")[-1].send_signal(number)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The webhook of the default customer."""
    with running_receiver() as started:
        yield started


@pytest.fixture
def watched(
    sendoff_database: str, redis_urls: RedisUrls, nats_url: str, receiver: Receiver, tmp_path: Path
) -> Iterator[Watched]:
    """One instance with two workers, an ingest and an API."""
    prefix = f"test-{secrets.token_hex(4)}"
    settings = {
        "POSTGRES__URL": sendoff_database,
        "REDIS__BROKER_URL": redis_urls.broker,
        "REDIS__CACHE_URL": redis_urls.cache,
        "NATS__URL": nats_url,
        "CONTROL__PREFIX": prefix,
        "WEBHOOK__URL": receiver.url,
        "SECURITY__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
        "SCHEDULER__INTERVAL": "50ms",
        "SCHEDULER__BATCH_SIZE": "200",
        "SCHEDULER__DRAIN": "true",
        "WORKERS__PROCESSES": "2",
        "INGEST__ENABLED": "true",
        **SMALL_STREAMS,
    }
    with running("up", "--data", tmp_path / "data", folder=tmp_path, **settings) as fleet:
        fleet.wait_until_said("Sendoff is ready")
        with running_prometheus(tmp_path, [f"127.0.0.1:{fleet.port}"], shortened(alert_rules(), **SHORTER)) as found:
            yield Watched(fleet, Client(fleet.url), found, sendoff_database, nats_url, prefix)
            fleet.stop()
    remove_streams(nats_url, prefix)


def unanswered(prometheus: Prometheus, queries: set[str]) -> set[str]:
    """The queries that find nothing."""
    return {query for query in queries if not prometheus.query(query)}


def asked_in_rules() -> set[str]:
    """A rule finds nothing where all is well, but what it asks for is there."""
    return {name for rule in alert_rules().values() for name in names_in(rule["expr"])}


def of_trouble(queries: set[str]) -> set[str]:
    return {query for query in queries if names_in(query) & IN_TROUBLE}


@pytest.mark.timeout(400)
def test_every_query_finds_something_and_each_alert_its_fault(watched: Watched) -> None:
    queries = panel_queries() | asked_in_rules()
    well = queries - of_trouble(queries)
    assert len(well) > 60
    with running_receiver() as failing:
        failing.answer(500)
        add_customer(watched.api, failing, "dying", breaker={"enabled": False}, retry={"attempts": 1})
        answer_everything(watched, well)
        wait_until(lambda: not watched.prometheus.firing(), "no alert fires in a healthy fleet", 30, every=1)
        documented_is_what_is_told(watched)

        letters_and_breakers(watched, failing)
    assert unanswered(watched.prometheus, of_trouble(queries)) == set()
    frozen_processes(watched)
    stopped_and_late(watched)


def documented_is_what_is_told(watched: Watched) -> None:
    """docs/metrics.md has every metric of ours, and no other; those of the stream are in docs/ingest.md."""
    with urllib.request.urlopen(f"{watched.fleet.url}/metrics", timeout=10) as response:
        told = {name for name in names(response.read().decode()) if name.startswith("sendoff_")}
    documented = set(re.findall(r"`(sendoff_\w+)`", METRICS.read_text(encoding="utf-8")))
    assert {name for name in told if not name.startswith("sendoff_ingest_")} == documented


def answer_everything(watched: Watched, queries: set[str]) -> None:
    """What a fleet does in an hour, within seconds: deliveries, a few dead letters, the ingest."""
    left = set(queries)
    watched.send(3, customer="dying")

    def all_found() -> bool:
        watched.send(5)
        watched.publish()
        left.intersection_update(unanswered(watched.prometheus, set(left)))
        return not left

    with contextlib.suppress(AssertionError):  # the sentence below tells more
        wait_until(all_found, "every query finds something", 60, every=1)
    assert left == set(), "these queries find nothing"


def letters_and_breakers(watched: Watched, failing: Receiver) -> None:
    """A webhook that fails: without a breaker its messages die, with one they are held."""
    watched.send(60, customer="dying")
    watched.fires("SendoffDeadLettersGrow")
    add_customer(watched.api, failing, "failing")
    add_customer(watched.api, failing, "paused")
    assert watched.api.call("POST", "/v1/customers/paused/pause").status == 200
    watched.send(30, customer="failing")
    watched.fires("SendoffBreakerOpen")
    wait_until(lambda: watched.prometheus.query("sendoff_customer_paused"), "the pause is seen", 30, every=0.5)


def frozen_processes(watched: Watched) -> None:
    """A worker that is frozen has not converged; while the ingest is, its stream waits."""
    watched.freeze("worker")
    watched.fires("SendoffNotConverged")
    watched.freeze("worker", signal.SIGCONT)
    watched.is_over("SendoffNotConverged")
    watched.freeze("ingest")
    watched.publish()
    watched.fires("SendoffIngestLags")
    watched.freeze("ingest", signal.SIGCONT)
    watched.is_over("SendoffIngestLags")


def stopped_and_late(watched: Watched) -> None:
    """A stop that is forgotten, no partition that is made, and what is late after the start."""
    assert watched.api.call("POST", "/v1/scheduler/stop?wait=10s").status == 202
    watched.send(100)
    watched.fires("SendoffStoppedWithDueMessages")
    with psycopg.connect(watched.database, autocommit=True) as connection:
        statement = b"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'deliveries'::regclass"
        for (name,) in connection.execute(statement).fetchall():
            connection.execute(f"DROP TABLE {name}".encode())
    watched.fires("SendoffPartitionsRunOut")
    watched.execute(
        "UPDATE due SET due_at = due_at - interval '10 min', visible_at = visible_at - interval '10 min'"
        " WHERE holder IS NULL"
    )
    assert watched.api.call("POST", "/v1/scheduler/start").status == 202
    watched.fires("SendoffLate")
    watched.is_over("SendoffStoppedWithDueMessages")
