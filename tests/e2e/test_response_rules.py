"""Which answers count is the customer's to say: what violates the rule is a failed attempt that names it."""

import json

import pytest

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver

SCHEMA = {"properties": {"items": {"items": {"properties": {"id": {"type": "integer"}}}}}, "required": ["items"]}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"pointer": "/status", "equals": "ok"}, 'response rule: expected /status to equal "ok", got "no"'),
        ({"bodySchema": SCHEMA}, 'response rule bodySchema: /items/1/id: "x" is not of type "integer"'),
        ({"statuses": [201, 204]}, "response rule statuses: 200 is not one of 201, 204"),
    ],
)
def test_a_200_that_violates_the_rule_is_tried_again_and_then_buried(
    rule: dict[str, object], said: str, launch: Launcher, api: Client, receiver: Receiver
) -> None:
    receiver.answer(200, body='{"status": "no", "items": [{"id": 1}, {"id": "x"}]}')
    launch.worker(WEBHOOK__RESPONSE_RULE=json.dumps(rule), RETRY__ATTEMPTS="2")

    message_id = api.send()
    message = api.wait_for(message_id, "dead")

    assert len(receiver.of(message_id)) == 2
    attempts = api.call("GET", f"/v1/messages/{message_id}/attempts").body["data"]
    assert [(one["statusCode"], one["errorClass"], one["detail"]) for one in attempts] == [
        (200, "response_rule", said)
    ] * 2
    assert message["lastError"]["class"] == "response_rule"
    letter = api.call("GET", f"/v1/dead-letters/{message_id}").body
    assert letter["reason"] == "exhausted"
    assert [one["errorClass"] for one in letter["history"]] == ["response_rule"] * 2


def test_a_final_status_makes_a_dead_letter_at_once(launch: Launcher, api: Client, receiver: Receiver) -> None:
    receiver.answer(422, body="no such recipient")
    launch.worker(WEBHOOK__RESPONSE_RULE="{finalStatuses: [404, 422]}", RETRY__FIRST="1h", RETRY__MAX="2h")

    message_id = api.send()
    message = api.wait_for(message_id, "dead")

    assert len(receiver.of(message_id)) == 1
    assert message["attempts"] == 1
    letter = api.call("GET", f"/v1/dead-letters/{message_id}").body
    assert (letter["reason"], letter["attempts"]) == ("rejected", 1)
    assert [(one["statusCode"], one["errorClass"]) for one in letter["history"]] == [(422, "status")]


def test_an_answer_that_satisfies_the_rule_is_a_delivery(launch: Launcher, api: Client, receiver: Receiver) -> None:
    receiver.answer(409, body='{"status": "known", "data": {"id": 42}}')
    rule = {"statuses": ["2xx", 409], "pointer": "/status", "equals": "known", "externalId": "/data/id"}
    launch.worker(WEBHOOK__RESPONSE_RULE=json.dumps(rule))

    message = api.wait_for(api.send(), "sent")

    assert (message["attempts"], message["externalMessageId"]) == (1, "42")
