"""What holds for every request: problem documents, request ids, methods."""

import asyncio
import json

import pytest

from support.api import Api, api_settings, running_api
from support.customers import create
from support.metrics import total


async def test_an_unknown_path_is_a_problem_document(api: Api) -> None:
    reply = await api.get("/v1/nothing")
    assert (reply.status, reply.json["code"], reply.json["instance"]) == (404, "not_found", "/v1/nothing")


async def test_an_unknown_method_is_told_which_ones_there_are(api: Api) -> None:
    reply = await api.call("PUT", "/v1/messages")
    assert (reply.status, reply.json["code"]) == (405, "method_not_allowed")
    assert set(reply.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}


async def test_a_sane_request_id_is_kept_and_another_replaced(api: Api) -> None:
    kept = await api.get("/health/live", headers={"X-Request-Id": "trace-1.2:3"})
    assert kept.headers["X-Request-Id"] == "trace-1.2:3"
    for given in ("x" * 129, "a b", '"', ""):
        reply = await api.get("/health/live", headers={"X-Request-Id": given})
        assert reply.headers["X-Request-Id"] not in ("", given)


async def test_head_is_answered_without_a_body(api: Api) -> None:
    reply = await api.call("HEAD", "/v1/messages", checked=False)
    assert (reply.status, reply.body) == (200, b"")


async def test_a_mistake_of_ours_tells_nothing_about_us(api: Api) -> None:
    accepted = await api.post("/v1/messages", {"to": "a", "content": 1})
    await api.db.execute(b"UPDATE messages SET payload = 'what we never write'")
    reply = await api.get("/v1/messages/" + accepted.json["id"])
    assert (reply.status, reply.json["code"]) == (500, "internal_error")
    assert b"never write" not in reply.body
    assert b"Error" not in reply.body


async def test_every_request_leaves_one_line(database: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    settings = api_settings(database, logging={"format": "json"})
    async with running_api(settings) as api:
        capfdbinary.readouterr()
        await api.post("/v1/messages", {"to": "a"}, headers={"X-Request-Id": "mine"})
        lines = capfdbinary.readouterr().err.splitlines()
    (line,) = [json.loads(line) for line in lines if b'"mine"' in line]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/v1/messages", 422)


@pytest.mark.parametrize(("level", "lines"), [("info", 0), ("debug", 3)])
async def test_probes_that_succeed_are_logged_for_debugging_only(
    database: str, capfdbinary: pytest.CaptureFixture[bytes], level: str, lines: int
) -> None:
    async with running_api(api_settings(database, logging={"format": "json", "level": level})) as api:
        capfdbinary.readouterr()
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert (await api.get(path, headers={"X-Request-Id": "probe"})).status == 200
        await api.get("/v1/stats", headers={"X-Request-Id": "other"})
        written = capfdbinary.readouterr().err
    assert written.count(b'"probe"') == lines
    assert written.count(b'"other"') == 1


async def test_metrics_count_requests_and_accepted_messages(api: Api) -> None:
    await api.create()
    await api.post("/v1/messages/batch", [{"to": "a", "content": 1}, {"to": "b", "content": 2}, {}])
    await api.get("/v1/messages/msg_" + "0" * 32)
    text = (await api.get("/metrics")).body.decode()
    assert total(text, "sendoff_accepted_messages_total") == 3
    assert total(text, "sendoff_http_requests_total", route="/v1/messages/{id}", method="GET", status="404") == 1
    assert total(text, "sendoff_http_request_seconds_count", route="/v1/messages", method="POST") == 1


async def test_metrics_tell_few_customers_apart_and_count_the_others_together(database: str) -> None:
    async with running_api(api_settings(database, metrics={"customers": 1})) as api:
        await create(api, id="acme")
        await api.create()
        await api.post("/v1/messages/batch", [{"to": "a", "content": 1, "customer": "acme"}] * 2)
        for _ in range(2):
            await api.post("/v1/messages", {"to": "a", "content": 1}, headers={"Idempotency-Key": "once"})
        text = (await api.get("/metrics")).body.decode()
    assert total(text, "sendoff_accepted_messages_total", customer="default") == 2
    assert total(text, "sendoff_accepted_messages_total", customer="other") == 2


async def test_metrics_can_be_switched_off(database: str) -> None:
    async with running_api(api_settings(database, metrics={"enabled": False})) as api:
        assert (await api.get("/metrics")).status == 404


async def test_a_client_that_leaves_early_loses_nothing(api: Api) -> None:
    """Its request was read whole, so the message is stored and the server goes on."""
    host, port = api.url.removeprefix("http://").split(":")
    body = b'{"to":"a","content":1}'
    head = (
        b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    for _ in range(5):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(head % len(body) + body)
        await writer.drain()
        writer.close()
    assert (await api.create())["status"] == "scheduled"


@pytest.mark.parametrize("path", ["/v1/messages/batch", "/v1/dead-letters/purge", "/v1/dead-letters/resend"])
async def test_a_word_beside_an_id_is_no_id(api: Api, path: str) -> None:
    for method in ("GET", "DELETE", "PATCH", "PUT", "OPTIONS"):
        reply = await api.call(method, path, checked=False)
        assert (reply.status, reply.json["code"], reply.headers["Allow"]) == (405, "method_not_allowed", "POST")
        assert "POST" in reply.json["detail"]
    longer = await api.get(path + "x")
    assert (longer.status, longer.json["code"].endswith("_not_found")) == (404, True)
