"""The scheduler's three numbers are an exact throttle, for each instance as a whole."""

import pytest

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver
from support.waiting import wait_until

PACE = {
    "SCHEDULER__INTERVAL": "2s",
    "SCHEDULER__BATCH_SIZE": "2",
    "SCHEDULER__MAX_CONCURRENT": "2",
    "SCHEDULER__DRAIN": "false",
}


@pytest.mark.parametrize("instances", [1, 2])
def test_each_instance_sends_no_more_than_two_messages_an_interval(
    launch: Launcher, api: Client, receiver: Receiver, instances: int
) -> None:
    api.send_many(6 * instances + 4)
    for number in range(instances):
        launch.instance(f"pace-{number}", processes=2, **PACE)

    wait_until(lambda: len(receiver.received) >= 6 * instances + 2, "three intervals are over", timeout=60)

    # Ticks stand at the even seconds. What they let through arrives later, never earlier; the first may be an interval
    # late (each tick by itself: integration/actors/test_throttle.py).
    arrivals = sorted(request.arrived_at for request in receiver.received)
    first_tick = arrivals[0] // 2 * 2
    ticks = [number // (2 * instances) for number in range(len(arrivals))]
    early = [tick for tick, arrival in zip(ticks, arrivals, strict=True) if arrival < first_tick + 2 * (tick - 1)]
    assert early == []
    assert set(receiver.ids().values()) == {1}


def test_no_more_requests_are_in_flight_than_the_instance_may_have(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    receiver.answer_late(0.05)
    api.send_many(60)
    launch.instance(processes=2, SCHEDULER__MAX_CONCURRENT="4")

    wait_until(lambda: len(receiver.ids()) == 60, "everything arrived")

    assert 1 < receiver.peak <= 4
    assert set(receiver.ids().values()) == {1}
