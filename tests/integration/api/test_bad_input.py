"""Bad input: each a clear problem document, and nothing stored."""

from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import pytest

from support.api import Api

GOOD = {"to": "jane", "content": "hello"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def untouched(api: Api) -> AsyncIterator[Api]:
    """A server whose database holds no message, neither before nor after."""
    yield api
    for table in ("messages", "due", "idempotency_keys"):
        assert await api.count(table) == 0, table


NO_JSON = [
    b"",
    b"{",
    b"hello",
    b"\xff\xfe",
    b'{"to":"a","to":"b","content":1}',
    b'{"to":"a","content":NaN}',
    b'{"to":"a","content":-Infinity}',
    b'{"to":"a","content":1e400}',
    b'{"to":"a","content":"\\ud800"}',
    b'{"to":"a","\\udfff":1,"content":"x"}',
    b'{"to":"a","content":' + b"[" * 101 + b"]" * 101 + b"}",
    b'{"to":"a","content":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"to":"a","content":' + b"1" * 5000 + b"}",
]


async def test_what_is_no_json_is_a_bad_request(untouched: Api, subtests: pytest.Subtests) -> None:
    for body in NO_JSON:
        with subtests.test(body=body[:60]):
            reply = await untouched.post("/v1/messages", data=body, headers=JSON)
            assert (reply.status, reply.json["code"]) == (400, "not_json")


NOT_ALLOWED: list[tuple[dict[str, Any], str, str]] = [
    ({"deliveryAt": "x"}, "/deliveryAt", "did you mean deliverAt?"),
    ({"to": None}, "/to", "string"),
    ({"to": ""}, "/to", "at least 1"),
    ({"to": "x" * 257}, "/to", "at most 256"),
    ({"to": "a\x00b"}, "/to", "without the null character"),
    ({"to": 5}, "/to", "string"),
    ({"customer": "no such"}, "/customer", "1 to 64 letters"),
    ({"customer": "stranger"}, "/customer", "there is no customer 'stranger'"),
    ({"deliverAt": "2042-01-01T00:00:00"}, "/deliverAt", "time zone"),
    ({"deliverAt": "tomorrow"}, "/deliverAt", "RFC 3339"),
    ({"deliverAt": "2042-02-30T00:00:00Z"}, "/deliverAt", "RFC 3339"),
    ({"deliverAt": "9999-12-31T23:59:59-23:00"}, "/deliverAt", ""),
    ({"deliverAt": "2042-12-31T23:59:60Z"}, "/deliverAt", "leap second"),
    ({"deliverAt": "0001-01-01T00:00:00Z"}, "/deliverAt", "the years 2 to 9998"),
    ({"deliverAt": "0001-01-01T00:00:00+01:00"}, "/deliverAt", "the years 2 to 9998"),
    ({"deliverAt": "9999-01-01T00:00:00Z"}, "/deliverAt", "the years 2 to 9998"),
    ({"deliverAt": 1_900_000_000}, "/deliverAt", "RFC 3339"),
    ({"deliverAt": "2042-01-01T00:00:00Z", "delay": "5s"}, "/delay", "not both"),
    ({"delay": "-5s"}, "/delay", "negative"),
    ({"delay": 5}, "/delay", "duration"),
    ({"delay": "99999d"}, "/delay", "10 years"),
    ({"expiresAt": "2020-01-01T00:00:00Z"}, "/expiresAt", "future"),
    ({"deliverAt": "2042-01-02T00:00:00Z", "expiresAt": "2042-01-01T00:00:00Z"}, "/expiresAt", "after deliverAt"),
    ({"metadata": {"a": 1}}, "/metadata/a", "string"),
    ({"metadata": {"a/b~c": 1}}, "/metadata/a~1b~0c", "string"),
    ({"metadata": {str(number): "" for number in range(51)}}, "/metadata", "50"),
    ({"metadata": {"a": "x" * 8192}}, "/metadata", "8192 bytes"),
    ({"metadata": []}, "/metadata", "dictionary"),
]


async def test_what_is_not_allowed_is_named(untouched: Api, subtests: pytest.Subtests) -> None:
    for fields, pointer, says in NOT_ALLOWED:
        with subtests.test(fields=str(fields)[:60]):
            reply = await untouched.post("/v1/messages", GOOD | fields)
            assert (reply.status, reply.json["code"]) == (422, "invalid")
            assert reply.pointers == [pointer]
            assert says in reply.json["errors"][0]["detail"]


async def test_every_mistake_is_named_at_once(untouched: Api) -> None:
    reply = await untouched.post("/v1/messages", {"delay": "x", "more": 1})
    assert set(reply.pointers) == {"/to", "/content", "/delay", "/more"}


async def test_a_message_is_an_object(untouched: Api, subtests: pytest.Subtests) -> None:
    documents: tuple[Any, ...] = ([], "text", 5, True)
    for document in documents:
        with subtests.test(document=document):
            reply = await untouched.post("/v1/messages", document)
            assert reply.status == 422
            assert "object" in reply.json["detail"]


async def test_content_beyond_64_kib_is_too_large(untouched: Api, subtests: pytest.Subtests) -> None:
    for content in ("x" * 65537, {"a": ["ü" * 32768]}, "ü" * 32769):
        with subtests.test(content=str(content)[:10]):
            reply = await untouched.post("/v1/messages", GOOD | {"content": content})
            assert (reply.status, reply.json["code"], reply.pointers) == (413, "content_too_large", ["/content"])


async def test_a_body_beyond_its_limit_is_refused_however_it_comes(untouched: Api) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(600):
            yield b" " * 1024

    whole = await untouched.post("/v1/messages", data=b" " * 600 * 1024, headers=JSON)
    chunked = await untouched.post("/v1/messages", data=pieces(), headers=JSON)
    assert [(reply.status, reply.json["code"]) for reply in (whole, chunked)] == [(413, "body_too_large")] * 2


OTHER_CHARSETS = (
    "charset=latin-1",
    "charset=utf-16",
    "charset=",
    'charset=""',
    "charset=utf-8; charset=latin-1",
    "charset=latin-1; charset=utf-8",
    'CHARSET="utf-7"',
)


async def test_utf_8_may_be_said_in_every_way(api: Api, subtests: pytest.Subtests) -> None:
    for said in ("", ";charset=utf-8", '; charset="UTF-8"', "; Charset = utf8 ; x=y", ";"):
        with subtests.test(said=said):
            headers = {"Content-Type": "application/json" + said}
            assert (await api.post("/v1/messages", data=b'{"to":"a","content":1}', headers=headers)).status == 202


async def test_another_media_type_is_refused(untouched: Api, subtests: pytest.Subtests) -> None:
    refused = ("text/plain", "application/xml", None, *(f"application/json; {one}" for one in OTHER_CHARSETS))
    for content_type in refused:
        with subtests.test(content_type=content_type):
            headers = {"Content-Type": content_type} if content_type else {}
            reply = await untouched.post(
                "/v1/messages", data=b"{}", headers=headers, skip_auto_headers=["Content-Type"]
            )
            assert reply.status == 415
            assert "application/json" in reply.json["detail"]


async def test_a_key_that_is_none_is_refused(untouched: Api, subtests: pytest.Subtests) -> None:
    for key in ("x" * 256, "\u00fc", ""):
        with subtests.test(key=key):
            reply = await untouched.post("/v1/messages", GOOD, headers={"Idempotency-Key": key})
            assert (reply.status, reply.pointers) == (422, ["Idempotency-Key"])


async def test_a_parameter_that_nobody_knows_is_refused(untouched: Api, subtests: pytest.Subtests) -> None:
    for path in ("/v1/messages?limit=5", "/v1/messages/batch?x=1"):
        with subtests.test(path=path):
            reply = await untouched.post(path, GOOD)
            assert reply.status == 422
            assert reply.pointers[0].startswith("?")


NAMES = ["msg_" + "0" * 32, "msg_" + "f" * 32, "msg_", "nonsense", "MSG_" + "0" * 32, "%00"]
USES = [("GET", ""), ("DELETE", ""), ("PATCH", ""), ("GET", "/attempts"), ("POST", "/resend")]


async def test_an_id_that_does_not_exist_is_not_found(untouched: Api, subtests: pytest.Subtests) -> None:
    for (method, suffix), name in product(USES, NAMES):
        with subtests.test(method=method, path=name + suffix):
            body = {"delay": "1s"} if method == "PATCH" else None
            reply = await untouched.call(method, f"/v1/messages/{name}{suffix}", json=body)
            assert (reply.status, reply.json["code"]) == (404, "message_not_found")
