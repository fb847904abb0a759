"""POST /v1/customers/{id}/test: a signed message goes out at once, and what came of it is shown."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from support.api import Api, api_settings, running_api
from support.customers import create
from support.raw_receiver import OK, answering, answering_once, raw_receiver
from support.receiver import Received, Receiver, running_receiver
from support.waiting import eventually

LOOPBACK = {"allowedNetworks": ["127.0.0.0/8"]}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
async def near(database: str) -> AsyncIterator[Api]:
    """A server that may call this machine."""
    async with running_api(api_settings(database, security=LOOPBACK)) as running:
        yield running


async def try_webhook(api: Api, customer_id: str = "acme") -> dict[str, Any]:
    reply = await api.post(f"/v1/customers/{customer_id}/test")
    assert reply.status == 200, reply.body
    trial: dict[str, Any] = reply.json
    return trial


async def test_a_test_message_is_signed_and_shown_with_its_answer(near: Api, receiver: Receiver) -> None:
    headers = {"X-Team": "parcels", "Authorization": "Bearer tell-nobody"}
    customer = await create(near, id="acme", webhookUrl=receiver.url, headers=headers)
    trial = await try_webhook(near)
    (received,) = receiver.received
    assert Webhook(customer["secret"]).verify(received.body, received.headers) == json.loads(trial["request"]["body"])
    assert received.message["content"]["test"] is True
    assert (received.headers["x-team"], received.headers["authorization"]) == ("parcels", "Bearer tell-nobody")
    shown = trial["request"]["headers"]
    assert shown["Authorization"] == "***"
    assert shown.items() - {("Authorization", "***"), ("X-Team", "parcels")} <= received.headers.items()
    unasked = received.headers.keys() - {name.lower() for name in shown} - {"host", "content-length", "connection"}
    assert unasked == set()
    assert trial["answer"]["statusCode"] == 200
    assert json.loads(trial["answer"]["body"]) == {"messageId": "ext-1"}
    assert trial["answer"]["durationMs"] > 0
    assert trial["verdict"] == {"delivered": True}
    for table in ("messages", "due", "attempts", "deliveries"):
        assert await near.count(table) == 0


async def test_during_a_rotation_it_is_signed_with_both_secrets(near: Api, receiver: Receiver) -> None:
    old = (await create(near, id="acme", webhookUrl=receiver.url))["secret"]
    new = (await near.post("/v1/customers/acme/rotate-secret")).json["secret"]
    await try_webhook(near)
    (received,) = receiver.received
    for secret in (old, new):
        Webhook(secret).verify(received.body, received.headers)


@pytest.mark.parametrize(("status", "error_class"), [(500, "status"), (404, "status"), (302, "redirect")])
async def test_a_bad_status_is_no_delivery(near: Api, receiver: Receiver, status: int, error_class: str) -> None:
    receiver.answer(status, body="out of order", headers={"Location": receiver.url})
    await create(near, id="acme", webhookUrl=receiver.url)
    trial = await try_webhook(near)
    assert (trial["answer"]["statusCode"], trial["answer"]["body"]) == (status, "out of order")
    assert (trial["verdict"]["delivered"], trial["verdict"]["errorClass"]) == (False, error_class)
    assert str(status) in trial["verdict"]["detail"]
    assert len(receiver.received) == 1


async def test_the_customers_rule_says_what_counts_as_delivered(near: Api, receiver: Receiver) -> None:
    rule = {"statuses": ["200", "404"], "pointer": "/ok", "equals": True}
    await create(near, id="acme", webhookUrl=receiver.url, responseRule=rule)
    for status, body, refused in (
        (200, '{"ok": true}', None),
        (404, '{"ok": true}', None),
        (200, '{"ok": false}', "expected /ok to equal true, got false"),
        (200, '{"ok": true, "x": "' + "x" * 70_000 + '"}', "too long"),
        (204, "", "204 is not one of 200, 404"),
    ):
        receiver.answer(status, body=body)
        verdict = (await try_webhook(near))["verdict"]
        if refused is None:
            assert verdict == {"delivered": True}
        else:
            assert (verdict["delivered"], verdict["errorClass"]) == (False, "response_rule")
            assert refused in verdict["detail"]


async def test_a_long_answer_is_cut(near: Api, receiver: Receiver) -> None:
    receiver.answer(200, body="\u00fc" * 3_000_000)
    await create(near, id="acme", webhookUrl=receiver.url)
    assert (await try_webhook(near))["answer"]["body"] == "\u00fc" * 2048


async def test_an_answer_that_is_no_text_is_shown_all_the_same(near: Api, receiver: Receiver) -> None:
    receiver.script = lambda _: web.Response(body=b"\xff\x00", headers={"Content-Encoding": "gzip"})
    await create(near, id="acme", webhookUrl=receiver.url)
    assert (await try_webhook(near))["answer"]["body"] == "\ufffd\0"


async def test_a_webhook_that_hangs_is_given_up_after_its_timeout(near: Api, receiver: Receiver) -> None:
    receiver.hang(lambda _: True)
    await create(near, id="acme", webhookUrl=receiver.url, timeout="200ms")
    trial = await try_webhook(near)
    receiver.let_go()
    assert trial["answer"] is None
    assert trial["verdict"] == {"delivered": False, "errorClass": "timeout", "detail": "no whole answer in time"}


async def test_nobody_there_is_a_refused_connection(near: Api) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        await create(near, id="acme", webhookUrl=f"http://127.0.0.1:{unheard.getsockname()[1]}/")
        trial = await try_webhook(near)
    assert (trial["answer"], trial["verdict"]["errorClass"]) == (None, "connection_refused")


async def test_a_name_that_nobody_knows_is_a_matter_of_dns(near: Api) -> None:
    await create(near, id="acme", webhookUrl="http://webhook.invalid/", timeout="30s", connectTimeout="25s")
    trial = await try_webhook(near)
    assert (trial["answer"], trial["verdict"]["errorClass"]) == (None, "dns")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_address_that_is_not_allowed_any_more_is_not_called(api: Api, receiver: Receiver, host: str) -> None:
    await create(api, id="acme")
    url = receiver.url.replace("127.0.0.1", host)
    await api.db.execute(b"UPDATE customers SET webhook_url = %s WHERE id = 'acme'", (url,))
    trial = await try_webhook(api)
    assert (trial["answer"], trial["verdict"]["errorClass"]) == (None, "forbidden_address")
    assert receiver.received == []


async def test_an_address_in_an_odd_notation_is_called_as_the_sender_calls_it(near: Api, receiver: Receiver) -> None:
    await create(near, id="acme", webhookUrl=receiver.url.replace("127.0.0.1", "0x7f.1"))
    assert (await try_webhook(near))["verdict"] == {"delivered": True}
    assert receiver.received[0].headers["host"].startswith("0x7f.1:")


async def test_interim_answers_without_an_end_are_no_answer(near: Api) -> None:
    async with raw_receiver(answering_once(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000)) as endless:
        await create(near, id="acme", webhookUrl=endless.url)
        trial = await try_webhook(near)
    assert (trial["answer"], trial["verdict"]["errorClass"]) == (None, "protocol")


async def test_each_test_looks_up_the_name_and_connects_anew(near: Api) -> None:
    async with raw_receiver(answering(OK)) as webhook:
        await create(near, id="acme", webhookUrl=webhook.url)
        for _ in range(2):
            assert (await try_webhook(near))["verdict"] == {"delivered": True}
        assert len(webhook.peers) == 2


async def test_too_many_tests_at_once_are_refused(near: Api, receiver: Receiver) -> None:
    receiver.hang(lambda _: True)
    await create(near, id="acme", webhookUrl=receiver.url)
    trials = [asyncio.create_task(try_webhook(near)) for _ in range(50)]
    await eventually(lambda: len(receiver.received) == 50, "all of them wait")
    assert (await near.post("/v1/customers/acme/test")).status == 503
    receiver.let_go()
    assert {trial["verdict"]["delivered"] for trial in await asyncio.gather(*trials)} == {True}


async def test_neither_a_pause_nor_a_stop_holds_a_test_back(near: Api, receiver: Receiver) -> None:
    await create(near, id="acme", webhookUrl=receiver.url)
    await near.post("/v1/customers/acme/pause")
    await near.post("/v1/scheduler/stop")
    assert (await try_webhook(near))["verdict"]["delivered"] is True


async def test_the_default_customers_webhook_can_be_tried(database: str, receiver: Receiver) -> None:
    settings = api_settings(database, security=LOOPBACK, webhook={"url": receiver.url, "headers": {"x-a": "1"}})
    async with running_api(settings) as api:
        assert (await try_webhook(api, "default"))["verdict"]["delivered"] is True
    assert receiver.received[0].headers["x-a"] == "1"


async def test_without_a_webhook_there_is_nothing_to_try(database: str) -> None:
    async with running_api(api_settings(database, webhook={})) as api:
        reply = await api.post("/v1/customers/default/test")
    assert (reply.status, reply.json["code"]) == (409, "no_webhook")


async def test_a_secret_that_does_not_open_is_named_without_being_shown(near: Api, receiver: Receiver) -> None:
    await create(near, id="acme", webhookUrl=receiver.url)
    await near.db.execute(
        b"UPDATE customer_secrets SET sealed_key = '\\x01deadbeef00'::bytea WHERE customer_id = 'acme'"
    )
    reply = await near.post("/v1/customers/acme/test")
    assert (reply.status, reply.json["code"]) == (409, "secret_unreadable")
    assert "encryptionKeys" in reply.json["detail"]
    assert receiver.received == []


async def test_a_test_sends_no_cookies_back(near: Api, receiver: Receiver) -> None:
    def with_cookie(_: Received) -> web.StreamResponse:
        return web.Response(headers={"Set-Cookie": "a=b"})

    receiver.script = with_cookie
    await create(near, id="acme", webhookUrl=receiver.url)
    await try_webhook(near)
    await try_webhook(near)
    assert "cookie" not in receiver.received[1].headers


async def test_a_server_of_this_installation_is_no_webhook_even_in_an_allowed_network(near: Api, database: str) -> None:
    postgres = urlsplit(database).port
    for url in (f"http://127.0.0.1:{postgres}/", f"http://localhost:{postgres}/", "http://127.0.0.1:8080/v1/messages"):
        reply = await near.post("/v1/customers", {"id": "acme", "webhookUrl": url})
        assert (reply.status, reply.pointers) == (422, ["/webhookUrl"])
        assert "a server of Sendoff's own" in reply.json["errors"][0]["detail"]
