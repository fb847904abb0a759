"""A primary that is demoted for a while in the middle of the work, and comes back."""

import time

import pytest
from aiohttp import web

from support.client import Client
from support.instances import Launcher
from support.receiver import Received, Receiver
from support.refusals import read_only
from support.servers import Servers
from support.waiting import wait_until
from support.whole_sendoff import add_customer

COUNT = 20


def hang(receiver: Receiver, status: int) -> None:
    """Answer nothing before `let_go`, and everything with that status then."""
    receiver.hang(lambda _: True)
    hanging = receiver.script

    async def script(received: Received) -> web.StreamResponse:
        answer = hanging(received)
        if not isinstance(answer, web.StreamResponse):
            await answer
        return web.Response(status=status)

    receiver.script = script


@pytest.mark.timeout(120)
@pytest.mark.parametrize("status", [200, 500])
def test_what_webhooks_answer_while_the_server_can_only_be_read_is_recorded_once(
    launch: Launcher, api: Client, receiver: Receiver, servers: Servers, status: int
) -> None:
    """Also for a customer whose one request at a time waits for that."""
    add_customer(api, receiver, "narrow", limits={"concurrency": 1}, retry={"attempts": 2, "first": "30s"})
    add_customer(api, receiver, "wide", retry={"attempts": 2, "first": "30s"})
    launch.worker()
    hang(receiver, status)
    ids = [api.send(customer=customer) for customer in ["narrow"] * 2 + ["wide"] * COUNT]
    wait_until(lambda: len(receiver.ids()) == COUNT + 1, "all but one are on the wire")
    with read_only(servers.postgres):
        receiver.let_go()
        time.sleep(1.6)  # the fault is an outage that lasts so long: the answers come within it
    expected = "sent" if status == 200 else "retrying"
    for message_id in ids:
        assert api.wait_for(message_id, expected, timeout=60)["attempts"] == 1
    assert set(receiver.ids().values()) == {1}
