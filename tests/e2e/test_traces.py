"""The trace of a message, from the request that it came with to its webhook."""

from aiohttp import web

from support.client import Client
from support.instances import Launcher
from support.receiver import Received, Receiver, accept
from support.waiting import wait_until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT, STATE = f"00-{TRACE}-{SPAN}-01", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
GIVEN = {"traceparent": PARENT, "tracestate": STATE}


def sent_under(api: Client, headers: dict[str, str], **fields: str) -> str:
    """Accept a message with a request of these headers."""
    answer = api.call("POST", "/v1/messages", {"to": "bob", "content": "hello", **fields}, headers)
    assert answer.status == 202, answer
    return str(answer.body["id"])


def traces_of(receiver: Receiver, message_id: str) -> list[tuple[str | None, str | None]]:
    """What each request of a message said of its trace."""
    return [(one.headers.get("traceparent"), one.headers.get("tracestate")) for one in receiver.of(message_id)]


def test_the_trace_goes_on_as_it_came(launch: Launcher, api: Client, receiver: Receiver) -> None:
    launch.worker()
    with_both, with_one = sent_under(api, GIVEN), sent_under(api, {"traceparent": PARENT})
    with_none, with_a_bad_one = sent_under(api, {}), sent_under(api, {**GIVEN, "traceparent": PARENT.upper()})
    batch = [{"to": "a", "content": 1}, {"to": "b", "content": 2}]
    first, second = api.call("POST", "/v1/messages/batch", batch, GIVEN).body["data"]
    with_key = sent_under(api, {**GIVEN, "Idempotency-Key": "k"})
    assert sent_under(api, {"Idempotency-Key": "k"}) == with_key
    for one in (with_both, with_one, with_none, with_a_bad_one, first["id"], second["id"], with_key):
        api.wait_for(one, "sent")

    assert traces_of(receiver, with_both) == traces_of(receiver, first["id"]) == [(PARENT, STATE)]
    assert traces_of(receiver, second["id"]) == traces_of(receiver, with_key) == [(PARENT, STATE)]
    assert traces_of(receiver, with_one) == [(PARENT, None)]
    assert traces_of(receiver, with_none) == traces_of(receiver, with_a_bad_one) == [(None, None)]


def test_a_retry_and_what_is_sent_again_stay_in_the_trace(launch: Launcher, api: Client, receiver: Receiver) -> None:
    launch.worker()

    def fail_until_third(received: Received) -> web.StreamResponse:
        return web.Response(status=500) if received.attempt < 3 else accept(received)

    receiver.script = fail_until_third
    retry = {"waits": ["100ms", "100ms"], "jitter": 0}
    answer = api.call("POST", "/v1/messages", {"to": "bob", "content": "hello", "retry": retry}, GIVEN)
    retried = answer.body["id"]
    api.wait_for(retried, "sent")
    assert traces_of(receiver, retried) == [(PARENT, STATE)] * 3

    receiver.answer(500)
    dead = sent_under(api, GIVEN, retry="once")
    api.wait_for(dead, "dead")
    receiver.script = accept
    api.call("POST", f"/v1/dead-letters/{dead}/resend")
    api.wait_for(dead, "sent")
    assert traces_of(receiver, dead) == [(PARENT, STATE)] * 2


def test_a_customers_own_header_goes_alone(launch: Launcher, api: Client, receiver: Receiver) -> None:
    launch.worker()
    own = {"id": "acme", "webhookUrl": receiver.url, "headers": {"Traceparent": "mine"}}
    assert api.call("POST", "/v1/customers", own).status == 201
    message_id = sent_under(api, GIVEN, customer="acme")
    api.wait_for(message_id, "sent")
    wait_until(lambda: traces_of(receiver, message_id) == [("mine", None)], "only the customer's header came")
