"""Spans from the request that accepts a message to its webhook, at a real collector; and collectors that are none."""

import json
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from support.client import Client
from support.collector import CollectedSpan, Collector, running_collector
from support.instances import Launcher
from support.receiver import Received, Receiver, accept
from support.waiting import wait_until
from support.whole_sendoff import free_port

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"
STATE = "rojo=00f067aa0ba902b7"
CONTENT, SECRET = "mark-of-content", "mark-of-secret"


@pytest.fixture
def collector(launch: Launcher) -> Iterator[Collector]:
    """The collector of all processes that are started."""
    with running_collector() as running:
        running.trace_by(launch)
        yield running


def started(launch: Launcher) -> Client:
    """An API process and a worker, both started after the settings were made."""
    port = free_port()
    launch.api(port)
    launch.worker()
    return Client(f"http://127.0.0.1:{port}")


def end(launch: Launcher) -> None:
    """End all processes, each of which exports what it has left."""
    for process in launch.processes:
        assert process.stop() == 0, process.tail()


def send(api: Client, headers: dict[str, str], **fields: object) -> str:
    answer = api.call("POST", "/v1/messages", {"to": "bob", "content": CONTENT, **fields}, headers)
    assert answer.status == 202, answer
    return str(answer.body["id"])


def of(spans: list[CollectedSpan], message_id: str) -> list[CollectedSpan]:
    return [span for span in spans if span.attributes.get("sendoff.message.id") == message_id]


def test_one_trace_leads_from_its_caller_to_the_webhook(
    launch: Launcher, receiver: Receiver, collector: Collector
) -> None:
    api = started(launch)
    message_id = send(api, {"traceparent": SAMPLED, "tracestate": STATE})
    api.wait_for(message_id, "sent")
    end(launch)

    accepted, claim, attempt = of(collector.spans(), message_id)
    assert [accepted.name, claim.name, attempt.name] == ["accept", "claim", "attempt"]
    assert {span.trace_id for span in (accepted, claim, attempt)} == {TRACE}
    assert (accepted.parent_id, claim.parent_id, attempt.parent_id) == (SPAN, accepted.span_id, accepted.span_id)
    assert accepted.starts <= claim.starts <= claim.ends <= attempt.ends
    (request,) = receiver.of(message_id)
    assert request.headers["traceparent"] == f"00-{TRACE}-{attempt.span_id}-01"
    assert request.headers["tracestate"] == STATE
    common = {"sendoff.message.id": message_id, "sendoff.customer": "default"}
    assert accepted.attributes == {
        **common,
        "http.request.method": "POST",
        "http.route": "/v1/messages",
        "http.response.status_code": 202,
    }
    assert claim.attributes == {**common, "sendoff.attempt": 1}
    assert attempt.attributes == {
        **common,
        "sendoff.attempt": 1,
        "http.request.method": "POST",
        "server.address": "127.0.0.1",
        "server.port": urlsplit(receiver.url).port,
        "http.response.status_code": 200,
    }
    assert (accepted.resource["service.name"], accepted.resource["sendoff.role"]) == ("sendoff", "http")
    assert attempt.resource["sendoff.role"] == "worker"


def test_retries_share_the_trace_of_their_message_and_a_trace_begins_where_there_is_none(
    launch: Launcher, receiver: Receiver, collector: Collector
) -> None:
    api = started(launch)

    def fail_until_third(received: Received) -> web.StreamResponse:
        return web.Response(status=500) if received.attempt < 3 else accept(received)

    receiver.script = fail_until_third
    message_id = send(api, {}, retry={"waits": ["100ms", "100ms"], "jitter": 0})
    batch = api.call("POST", "/v1/messages/batch", [{"to": "a", "content": 1}, {"to": "b", "content": 2}])
    for one in (message_id, *(item["id"] for item in batch.body["data"])):
        api.wait_for(one, "sent")
    end(launch)

    spans = collector.spans()
    accepted, *later = of(spans, message_id)
    attempts = [span for span in later if span.name == "attempt"]
    assert accepted.parent_id == ""
    assert {span.trace_id for span in later} == {accepted.trace_id}
    assert [(span.attributes["sendoff.attempt"], span.is_error) for span in attempts] == [
        (1, True),
        (2, True),
        (3, False),
    ]
    assert [span.attributes["http.response.status_code"] for span in attempts] == [500, 500, 200]
    assert [span.attributes.get("error.type") for span in attempts] == ["status", "status", None]
    seen = [one.headers["traceparent"].rpartition("-")[0] for one in receiver.of(message_id)]
    assert seen == [f"00-{accepted.trace_id}-{span.span_id}" for span in attempts]
    (of_batch,) = [span for span in spans if span.attributes.get("sendoff.messages") == 2]
    assert of_batch.trace_id != accepted.trace_id
    for item in batch.body["data"]:
        assert {span.trace_id for span in of(spans, item["id"])} == {of_batch.trace_id}


def test_what_is_not_sampled_has_no_spans_and_goes_on_as_it_came(
    launch: Launcher, receiver: Receiver, collector: Collector
) -> None:
    launch.environment["SENDOFF_TRACING__SAMPLE"] = "0"
    api = started(launch)
    unsampled, without = send(api, {"traceparent": UNSAMPLED}), send(api, {})
    sampled = send(api, {"traceparent": SAMPLED})
    for one in (unsampled, without, sampled):
        api.wait_for(one, "sent")
    end(launch)
    assert {span.attributes["sendoff.message.id"] for span in collector.spans()} == {sampled}
    assert [one.headers.get("traceparent") for one in receiver.of(unsampled)] == [UNSAMPLED]
    assert [one.headers.get("traceparent") for one in receiver.of(without)] == [None]


def test_spans_tell_no_content_and_no_secret_and_the_log_names_the_trace(
    launch: Launcher, receiver: Receiver, collector: Collector
) -> None:
    launch.environment |= {"SENDOFF_LOGGING__FORMAT": "json", "SENDOFF_LOGGING__LEVEL": "debug"}
    api = started(launch)
    url = f"{receiver.url}/{SECRET}?token={SECRET}"
    new = {"id": "acme", "webhookUrl": url, "headers": {"Authorization": f"Bearer {SECRET}"}}
    assert api.call("POST", "/v1/customers", new).status == 201
    sent = send(api, {"traceparent": SAMPLED, "X-Request-Id": "mine"}, customer="acme", metadata={"note": CONTENT})
    api.wait_for(sent, "sent")
    receiver.answer(500, headers={"X-Mark": SECRET}, body=CONTENT)
    failed = send(api, {"traceparent": SAMPLED}, customer="acme", to=CONTENT, retry="once")
    api.wait_for(failed, "dead")
    assert api.call("POST", "/v1/messages", {"to": "", "content": CONTENT}, {"traceparent": SAMPLED}).status == 422
    api.call("GET", f"/v1/messages/{sent}", headers={"traceparent": UNSAMPLED, "X-Request-Id": "read"})
    end(launch)

    statuses = [span.attributes.get("http.response.status_code") for span in collector.spans()]
    assert {202, 200, 500, 422} <= set(statuses)
    for mark in (CONTENT.encode(), SECRET.encode()):
        assert mark not in collector.bytes
        assert not [process.log for process in launch.processes if mark in process.log.read_bytes()]
    lines = [json.loads(line) for process in launch.processes for line in process.log.read_bytes().splitlines()]
    named = [line for line in lines if line.get("request_id") in ("mine", "read")]
    assert [line["trace_id"] for line in named] == [TRACE, TRACE]
    assert [line for line in lines if line["event"] == "request" and "trace_id" not in line]


@pytest.mark.parametrize("kind", ["nobody listens", "it never answers", "it fails"])
def test_a_collector_that_takes_nothing_holds_up_nothing(
    launch: Launcher, receiver: Receiver, collector: Collector, kind: str
) -> None:
    launch.environment |= {"SENDOFF_TRACING__TIMEOUT": "1s", "SENDOFF_TRACING__QUEUE": "10"}
    if kind == "nobody listens":
        launch.environment["SENDOFF_TRACING__ENDPOINT"] = f"http://127.0.0.1:{free_port()}/v1/traces"
    elif kind == "it never answers":
        collector.server.hang(lambda _: True)
    else:
        collector.server.answer(503)
    api = started(launch)
    sent = [send(api, {"traceparent": SAMPLED}) for _ in range(30)]
    wait_until(lambda: len(receiver.ids()) == 30, "all messages arrived")
    if kind != "nobody listens":
        wait_until(lambda: len(collector.server.received) > 0, "the collector was asked")
    late = send(api, {"traceparent": SAMPLED})
    for one in (*sent, late):
        assert api.wait_for(one, "sent")["attempts"] == 1
    end(launch)


def test_without_tracing_no_exporter_is_imported() -> None:
    # redis-py imports some of OpenTelemetry for itself, where it is installed
    code = (
        "import sys, sendoff_actors.composition, sendoff_http.app, sendoff_ingest.composition;"
        "sys.exit(any('opentelemetry.exporter' in name or 'open_telemetry' in name for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
