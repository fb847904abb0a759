"""Limits of one customer hold for the whole fleet, and what is over them waits without costing an attempt."""

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver, running_receiver
from support.waiting import wait_until
from support.whole_sendoff import add_customer

RATE = 50
SECONDS = 8
#: What a busy machine may add until a request arrives (seconds).
SLACK = 1.0


def test_a_rate_is_kept_by_four_processes_together(launch: Launcher, api: Client, receiver: Receiver) -> None:
    add_customer(api, receiver, "paced", limits={"rate": RATE})
    api.send_many(RATE * SECONDS, customer="paced")
    for number in range(2):
        launch.instance(f"pace-{number}", processes=2)

    wait_until(lambda: len(receiver.received) >= RATE * (SECONDS - 1), "nearly everything arrived", timeout=60)

    # The slots are exact (integration/actors/test_claim_limits); what arrives may be late, and so may the first.
    first = min(request.arrived_at for request in receiver.received)
    arrivals = sorted(request.arrived_at - first for request in receiver.received)
    ahead = [number / RATE - arrival for number, arrival in enumerate(arrivals)]
    assert max(ahead) < SLACK
    assert {request.attempt for request in receiver.received} == {1}
    assert set(receiver.ids().values()) == {1}


def test_a_slow_rate_lets_one_message_through_at_a_time(launch: Launcher, api: Client, receiver: Receiver) -> None:
    add_customer(api, receiver, "slow", limits={"rate": 1, "per": "2s"})
    api.send_many(3, customer="slow")
    launch.instance(processes=2)

    wait_until(lambda: len(receiver.received) == 3, "all three arrived", timeout=20)

    first, second, third = (request.arrived_at for request in receiver.received)
    assert second - first >= 2 - SLACK
    assert third - first >= 4 - SLACK


def test_no_more_requests_of_a_customer_are_open_than_it_may_have(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    receiver.answer_late(0.05)
    add_customer(api, receiver, "narrow", limits={"concurrency": 3})
    api.send_many(60, customer="narrow")
    for number in range(2):
        launch.instance(f"narrow-{number}", processes=2)

    wait_until(lambda: len(receiver.ids()) == 60, "everything arrived", timeout=60)

    assert receiver.peak == 3
    assert set(receiver.ids().values()) == {1}
    assert {request.attempt for request in receiver.received} == {1}


def test_a_limited_customer_does_not_hold_up_another(launch: Launcher, api: Client, receiver: Receiver) -> None:
    with running_receiver() as other:
        add_customer(api, other, "limited", limits={"rate": 1, "per": "1h"})
        api.send_many(1000, customer="limited")
        launch.worker()
        wait_until(lambda: len(other.received) == 1, "the first slot is used")
        api.send_many(20)

        wait_until(lambda: len(receiver.ids()) == 20, "the other customer's messages arrived", timeout=10)
        assert len(other.received) == 1
