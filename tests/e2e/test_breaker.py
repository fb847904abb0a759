"""A webhook that fails is left alone until it works again, and nothing is lost or spent meanwhile."""

from itertools import pairwise

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver, accept, running_receiver
from support.waiting import wait_until
from support.whole_sendoff import add_customer

BREAKER = {"minimum": 5, "window": "4s", "first": "1s", "max": "2s"}
#: Patient enough to outlive the outage by itself, so that what arrives late was held and not buried.
RETRY = {"waits": ["200ms"] * 60}


def breaker(api: Client, customer: str) -> str:
    answer = api.call("GET", f"/v1/customers/{customer}")
    assert answer.status == 200, answer
    state: str = answer.body["breakerState"]
    return state


def gaps(receiver: Receiver) -> list[float]:
    """The seconds between two arrivals, for each two."""
    return [later.arrived_at - earlier.arrived_at for earlier, later in pairwise(receiver.received)]


def test_while_a_breaker_is_open_only_probes_go_out_and_afterwards_everything_arrives(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    add_customer(api, receiver, "shaky", breaker=BREAKER, retry=RETRY)
    receiver.answer(503)
    launch.instance("one", processes=2)
    launch.instance("two", processes=2)
    ids = api.send_many(200, customer="shaky")
    wait_until(lambda: breaker(api, "shaky") == "open", "the breaker opens")
    ids += api.send_many(200, customer="shaky")
    wait_until(lambda: gaps(receiver)[-1:] >= [1.5], "what was on the wire is over, probes go out")
    before = len(receiver.received)
    wait_until(lambda: len(receiver.received) >= before + 2, "two more probes went out")
    assert min(gaps(receiver)[before - 1 :]) >= 1.5, "one at a time, twice as far apart as at first"

    receiver.script = accept
    wait_until(lambda: breaker(api, "shaky") == "closed", "a probe succeeds", timeout=20)
    wait_until(lambda: set(receiver.ids()) == set(ids), "everything arrives")
    for message_id in ids:
        assert api.wait_for(message_id, "sent")["attempts"] <= 60


def test_a_customer_whose_webhook_is_gone_is_paused(launch: Launcher, api: Client, receiver: Receiver) -> None:
    with running_receiver() as gone:
        add_customer(api, gone, "moved", retry=RETRY)
        gone.answer(410)
        launch.worker()
        message_id = api.send(customer="moved")
        wait_until(lambda: api.call("GET", "/v1/customers/moved").body["paused"], "the customer is paused")
        arrived = len(gone.received)
        later = api.send(customer="moved")
        api.wait_for(api.send(), "sent")

        assert "410" in api.call("GET", "/v1/customers/moved").body["pauseReason"]
        assert len(gone.received) == arrived

        gone.script = accept
        assert api.call("POST", "/v1/customers/moved/resume").status == 200
        api.wait_for(message_id, "sent")
        api.wait_for(later, "sent")


def test_a_customer_whose_webhook_fails_for_long_is_paused(launch: Launcher, api: Client, receiver: Receiver) -> None:
    add_customer(api, receiver, "lost", breaker=BREAKER | {"max": "1s", "pauseAfter": "2s"}, retry=RETRY)
    receiver.answer(500)
    launch.worker()
    api.send_many(30, customer="lost")

    wait_until(lambda: api.call("GET", "/v1/customers/lost").body["paused"], "the customer is paused")
    assert "has failed since" in api.call("GET", "/v1/customers/lost").body["pauseReason"]


def test_a_message_that_is_refused_says_nothing_of_the_webhook(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    add_customer(api, receiver, "picky", breaker=BREAKER, retry="once")
    receiver.answer(422)
    launch.worker()
    for message_id in api.send_many(20, customer="picky"):
        api.wait_for(message_id, "dead")

    assert breaker(api, "picky") == "closed"
    assert len(receiver.received) == 20
