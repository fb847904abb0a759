"""What the fleet says on NATS is as the AsyncAPI document has it."""

import json
from typing import Any

from sendoff_domain.control import Desired
from support.asyncapi import StreamContract
from support.fleet import Fleet
from support.waiting import PATIENCE, eventually


async def test_a_commands_reply_and_the_state_that_follows_are_described(fleet: Fleet) -> None:
    contract = StreamContract(fleet.prefix)
    states: list[Any] = []

    async def hear(message: Any) -> None:
        states.append(message)

    subscription = await fleet.nats.subscribe(f"{fleet.prefix}.control.state", cb=hear)
    members = await fleet.join("a", "b")
    stop = contract.document["components"]["messages"]["control.stop"]["examples"][0]["payload"]
    subject = contract.document["channels"]["control.stop"]["address"]
    for command in (stop, stop, {**stop, "scope": "nobody"}):
        answer = await fleet.nats.request(subject, json.dumps(command).encode(), timeout=PATIENCE)
        contract.check_part("commandReply", "payload", json.loads(answer.data))
    await fleet.all_are(Desired.STOPPED, members)
    await eventually(lambda: states, "the state is announced")
    for state in states:
        contract.check(state.subject, state.data)
    await subscription.unsubscribe()
