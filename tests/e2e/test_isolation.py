"""One customer's trouble is its own."""

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver, running_receiver
from support.waiting import wait_until
from support.whole_sendoff import add_customer

#: So that nothing but the slots decides: a breaker would help.
NO_BREAKER = {"enabled": False}


def test_a_hanging_webhook_leaves_slots_to_the_others(launch: Launcher, api: Client, receiver: Receiver) -> None:
    with running_receiver() as hanging:
        hanging.hang(lambda _: True)
        add_customer(api, hanging, "hanging", breaker=NO_BREAKER, timeout="60s")
        launch.instance(processes=2)
        wait_until(lambda: _processes(api) == {"api": 1, "one": 2}, "both workers are up, so that both get their share")
        api.send_many(3000, customer="hanging")
        wait_until(lambda: len(hanging.received) >= 36, "it hangs on all slots that it can get")

        ids = [api.send() for _ in range(30)]
        wait_until(lambda: set(receiver.ids()) == set(ids), "the others are served")
        assert len(hanging.received) <= 38, "three quarters of 50 slots, by process"
        hanging.let_go()


def _processes(api: Client) -> dict[str, int]:
    instances = api.call("GET", "/v1/scheduler").body["instances"]
    return {one["instance"]: one["processes"] for one in instances}


def test_a_backlog_does_not_push_others_back(launch: Launcher, api: Client, receiver: Receiver) -> None:
    with running_receiver() as busy:
        busy.answer_late(0.2)
        add_customer(api, busy, "busy", breaker=NO_BREAKER)
        api.send_many(5000, customer="busy")
        launch.instance(processes=2)
        wait_until(lambda: len(busy.received) >= 50, "the backlog is being worked off")

        ids = [api.send() for _ in range(20)]
        wait_until(lambda: set(receiver.ids()) == set(ids), "the others are served", timeout=10)
        assert len(busy.received) < 2500, "long before the backlog is over"


def test_first_attempts_are_not_starved_by_retries(launch: Launcher, api: Client, receiver: Receiver) -> None:
    retry = {"waits": ["500ms"] * 30}
    add_customer(api, receiver, "relapsing", breaker=NO_BREAKER, retry=retry)
    receiver.answer(500)
    launch.worker(SCHEDULER__BATCH_SIZE="10", SCHEDULER__INTERVAL="100ms", SCHEDULER__MAX_CONCURRENT="10")
    api.send_many(400, customer="relapsing")
    wait_until(lambda: len(receiver.received) >= 400, "many are to be tried again", timeout=60)

    ids = set(api.send_many(10, customer="relapsing"))
    wait_until(lambda: ids <= set(receiver.ids()), "the new ones had their first attempt", timeout=20)
