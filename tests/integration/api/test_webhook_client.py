"""The API's client of webhooks: whatever a name server says, only vetted addresses are called."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network

import pytest

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_ports import PortRange
from sendoff_http.customers.webhook_client import Answer, NoAnswer, WebhookClient
from sendoff_http.customers.webhook_names import WebhookNames
from sendoff_http.web.problems import ProblemError
from sendoff_webhooks.client.http1_transport import Http1Transport
from sendoff_webhooks.client.name_lookup import NameLookup
from sendoff_webhooks.client.transport import TransportError
from support.certificates import Authority, new_authority
from support.raw_receiver import OK, Peer, Script, answering_once, raw_receiver
from support.receiver import Receiver, running_receiver

SECOND = timedelta(seconds=1)
LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the clients trust."""
    return new_authority(tmp_path_factory.mktemp("authority"))


async def _loopback(_: str) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@asynccontextmanager
async def client_of(
    addresses: Callable[[str], Sequence[str]], allowed: tuple[str, ...] = (), tls: ssl.SSLContext | None = None
) -> AsyncIterator[WebhookClient]:
    """A client whose names are those of the test."""

    async def resolve(host: str) -> Sequence[str]:
        return addresses(host)

    names = WebhookNames([ip_network(one) for one in allowed], resolve=resolve)
    client = WebhookClient(names, tls)
    try:
        yield client
    finally:
        await client.close()
        names.close()


async def post(client: WebhookClient, url: str) -> Answer | NoAnswer:
    return await client.post(url, {"content-type": "application/json"}, b"{}", 10 * SECOND, 5 * SECOND)


def named(url: str, name: str) -> str:
    return url.replace("127.0.0.1", name)


async def test_a_name_is_called_at_the_address_that_was_vetted_and_by_its_name(receiver: Receiver) -> None:
    asked: list[str] = []

    def addresses(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    async with client_of(addresses, ("127.0.0.0/8",)) as client:
        answer = await post(client, named(receiver.url, "hook.example"))
    assert isinstance(answer, Answer)
    assert asked == ["hook.example"]
    assert receiver.received[0].headers["host"].partition(":")[0] == "hook.example"


@pytest.mark.parametrize("found", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"]])
async def test_one_forbidden_address_spoils_the_name(receiver: Receiver, found: list[str]) -> None:
    async with client_of(lambda _: found) as client:
        answer = await post(client, named(receiver.url, "hook.example"))
    assert isinstance(answer, NoAnswer)
    assert answer.error_class is ErrorClass.FORBIDDEN_ADDRESS
    assert receiver.received == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "127.1", "0x7f000001"])
async def test_a_literal_address_is_vetted_too(receiver: Receiver, host: str) -> None:
    async with client_of(lambda _: ["127.0.0.1"]) as client:
        answer = await post(client, named(receiver.url, host))
    assert isinstance(answer, NoAnswer)
    assert answer.error_class in (ErrorClass.FORBIDDEN_ADDRESS, ErrorClass.PROTOCOL)
    assert receiver.received == []


async def test_a_name_that_changes_between_check_and_connect_never_gets_through(receiver: Receiver) -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]])
    names = WebhookNames([], resolve=lambda _: _next(answers))
    client = WebhookClient(names)
    await names.refuse_forbidden("http://hook.example/")
    answer = await post(client, named(receiver.url, "hook.example"))
    await client.close()
    names.close()
    assert isinstance(answer, NoAnswer)
    assert answer.error_class is ErrorClass.FORBIDDEN_ADDRESS
    assert receiver.received == []


async def _next(answers: Iterator[list[str]]) -> list[str]:
    return next(answers)


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("path", ["", "/in", "/%7Ea%2Fb?sig=a%2Bb%3D&x={}|", "/a?", "/a//b/../c;d?e=f&&g"])
async def test_a_test_is_the_very_request_that_the_sender_makes(path: str, secure: bool, authority: Authority) -> None:
    tls = authority.server_context("hook.test") if secure else None
    async with (
        raw_receiver(answering_once(OK), tls) as receiver,
        client_of(lambda _: ["127.0.0.1"], ("127.0.0.0/8",), authority.client_context()) as client,
    ):
        url = receiver.url_at("hook.test", path)
        headers = {"content-type": "application/json", "user-agent": "sendoff/1", "x-a": "1"}
        answer = await client.post(url, headers, b"{}", 10 * SECOND, 5 * SECOND)
        transport = Http1Transport(LOOPBACK, tls=authority.client_context(), lookup=NameLookup(LOOPBACK, _loopback))
        await transport.post(url, headers, b"{}", 10 * SECOND, 5 * SECOND)
        await transport.close()
        first, second = (request.lower().split(b"\r\n") for request in receiver.requests)
    assert isinstance(answer, Answer)
    assert (answer.status_code, answer.body) == (200, b"ok")
    assert first[0] == second[0]
    assert set(first) - {b"connection: close"} == set(second)
    assert {peer.server_name for peer in receiver.peers} == {"hook.test" if secure else None}


async def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    async with (
        raw_receiver(answering_once(OK), authority.server_context("other.test", "127.0.0.1")) as receiver,
        client_of(lambda _: ["127.0.0.1"], ("127.0.0.0/8",), authority.client_context()) as client,
    ):
        answer = await post(client, receiver.url_at("hook.test"))
    assert isinstance(answer, NoAnswer)
    assert answer.error_class is ErrorClass.TLS


async def _reset(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def _leave(peer: Peer) -> None:
    await peer.request()


NO_ANSWERS = {
    "a reset": _reset,
    "a goodbye": _leave,
    "no HTTP": answering_once(b"220 smtp.example.org ESMTP\r\n"),
    "half a body": answering_once(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
    "half a head": answering_once(b"HTTP/1.1 200 OK\r\nconte"),
    "a bad length": answering_once(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"),
}


@pytest.mark.parametrize("script", NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_no_answer_has_the_class_that_an_attempt_would_have(script: Script) -> None:
    transport = Http1Transport(LOOPBACK)
    async with (
        raw_receiver(script) as receiver,
        client_of(lambda _: ["127.0.0.1"], ("127.0.0.0/8",)) as client,
    ):
        answer = await post(client, receiver.url)
        with pytest.raises(TransportError) as failed:
            await transport.post(receiver.url, {}, b"{}", 10 * SECOND, 5 * SECOND)
    await transport.close()
    assert isinstance(answer, NoAnswer)
    assert answer.error_class is failed.value.error_class


async def test_a_name_that_takes_too_long_passes_for_now() -> None:
    async def never(_: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    names = WebhookNames([], resolve=never, patience=0.05)
    await names.refuse_forbidden("http://hook.example/")
    names.close()


async def test_a_name_that_does_not_resolve_passes_for_now() -> None:
    names = WebhookNames([])
    await names.refuse_forbidden("http://webhook.invalid/")
    names.close()


async def test_a_port_that_is_not_allowed_is_not_called(receiver: Receiver) -> None:
    names = WebhookNames(LOOPBACK, [PortRange(443, 443)])
    client = WebhookClient(names)
    answer = await post(client, receiver.url)
    await client.close()
    names.close()
    assert isinstance(answer, NoAnswer)
    assert answer.error_class is ErrorClass.FORBIDDEN_ADDRESS
    assert "only 443 (security.allowedPorts)" in answer.detail
    assert receiver.received == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://0x7f.1/", "https://localhost/", "https://example.org:25/"]
)
async def test_what_must_not_be_called_is_refused_with_its_place(url: str) -> None:
    names = WebhookNames([])
    with pytest.raises(ProblemError) as refused:
        await names.refuse_forbidden(url)
    names.close()
    assert [error.pointer for error in refused.value.errors] == ["/webhookUrl"]
