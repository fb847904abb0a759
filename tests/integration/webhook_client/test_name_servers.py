"""Name servers that are dead, slow or wrong: they cost only the customers whose names are theirs, and not for long."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_response import Response
from sendoff_webhooks.client.connection import TransportError
from sendoff_webhooks.client.webhook_client import WebhookClient
from support.posting import NewClient, Post, Receive, posting
from support.raw_receiver import answering
from support.waiting import eventually

FINE = Response(200, b"ok", None)
CLOSING = answering(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")


class NameServer:
    """Answers what it is told to: addresses, an error, or nothing."""

    def __init__(self) -> None:
        self.answer: list[str] | Exception = ["127.0.0.1"]
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def resolve(self, host: str) -> Sequence[str]:
        self.asked += 1
        await self.answers.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    server = NameServer()
    yield server
    server.answers.set()


async def failure_of(post: Post, url: str, connect_timeout: float = 5) -> ErrorClass:
    with pytest.raises(TransportError) as caught:
        await post(url, connect_timeout=connect_timeout)
    return caught.value.error_class


class HangingNames:
    """The system's resolver, which does not come back from names that end in .dead.test."""

    def __init__(self) -> None:
        self.ask, self.release, self.hanging = socket.getaddrinfo, threading.Event(), 0

    def __call__(self, host: str, *args: object, **kwargs: object) -> object:
        if host.endswith(".dead.test"):
            self.hanging += 1
            self.release.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self.ask(host, *args, **kwargs)  # type: ignore[arg-type]  # passed through


@pytest.fixture
async def hanging(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HangingNames]:
    names = HangingNames()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    yield names
    names.release.set()


def post_all(client: WebhookClient, urls: dict[str, str]) -> "list[asyncio.Task[Response]]":
    """Start a request for each URL on the account of its customer."""
    posts = [posting(client, customer)(url, connect_timeout=60, timeout=60) for url, customer in urls.items()]
    return [asyncio.create_task(post) for post in posts]


async def give_up(tasks: "list[asyncio.Task[Response]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_dead_names_of_many_customers_do_not_stop_the_others(
    hanging: HangingNames, new_client: NewClient, receive: Receive
) -> None:
    receiver, client = await receive(CLOSING), new_client()
    dead = post_all(client, {f"http://{number}.dead.test/": f"c{number}" for number in range(150)})
    await eventually(lambda: hanging.hanging >= 64, "as many hang as may look up at once")
    assert await posting(client, "good")(receiver.url_at("localhost"), connect_timeout=30) == FINE
    await give_up(dead)


async def test_dead_names_of_one_customer_take_its_share_alone(
    hanging: HangingNames, new_client: NewClient, receive: Receive
) -> None:
    receiver, client = await receive(CLOSING), new_client()
    dead = post_all(client, {f"http://{number}.dead.test/": "bad" for number in range(100)})
    await eventually(lambda: hanging.hanging == 4, "its share hangs")
    assert await posting(client, "good")(receiver.url_at("localhost")) == FINE
    await asyncio.sleep(1.5)
    assert hanging.hanging == 4, "not more of them as they become slow either"
    await give_up(dead)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f000001", "[::ffff:127.0.0.1]"])
async def test_an_address_asks_no_name_server_and_waits_for_none(
    host: str, hanging: HangingNames, new_client: NewClient, receive: Receive
) -> None:
    receiver, client = await receive(CLOSING), new_client()
    dead = post_all(client, {f"http://{number}.dead.test/": "bad" for number in range(10)})
    await eventually(lambda: hanging.hanging == 4, "the customer's share hangs")
    assert await posting(client, "bad")(receiver.url_at(host)) == FINE
    await give_up(dead)


async def test_a_name_that_two_customers_want_does_not_wait_for_the_one_with_dead_names(
    hanging: HangingNames, new_client: NewClient, receive: Receive
) -> None:
    receiver, client = await receive(CLOSING), new_client()
    urls = {f"http://{number}.dead.test/": "bad" for number in range(10)}
    dead = post_all(client, {**urls, receiver.url_at("localhost"): "bad"})
    await eventually(lambda: hanging.hanging == 4, "the rest of them waits")
    assert await posting(client, "good")(receiver.url_at("localhost")) == FINE
    await give_up(dead)


async def test_a_failure_is_kept_for_seconds_and_no_longer(
    server: NameServer, new_client: NewClient, receive: Receive
) -> None:
    receiver = await receive(CLOSING)
    post = posting(new_client(resolve=server.resolve))
    server.answer = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    began = time.monotonic()
    for _ in range(5):
        assert await failure_of(post, receiver.url_at("webhook.test")) is ErrorClass.DNS
    assert server.asked == 1 or time.monotonic() - began > 2
    server.answer = ["127.0.0.1"]
    await asyncio.sleep(2.1)
    assert await post(receiver.url_at("webhook.test")) == FINE


async def test_a_stale_answer_is_used_while_the_name_server_is_silent(
    server: NameServer, new_client: NewClient, receive: Receive
) -> None:
    receiver = await receive(CLOSING)
    post = posting(new_client(resolve=server.resolve, kept=1))
    assert await post(receiver.url_at("webhook.test")) == FINE
    await asyncio.sleep(1.1)
    server.answers.clear()
    for _ in range(3):
        assert await post(receiver.url_at("webhook.test")) == FINE
    assert server.asked == 2, "one new look-up is under way"
    server.answer = ["127.0.0.2"]
    server.answers.set()
    await asyncio.sleep(0.1)
    other = await receive(CLOSING, None, "127.0.0.2")
    assert await post(other.url_at("webhook.test")) == FINE


async def test_no_stale_answer_is_used_for_ever(server: NameServer, new_client: NewClient, receive: Receive) -> None:
    receiver = await receive(CLOSING)
    post = posting(new_client(resolve=server.resolve, kept=0.1))
    await post(receiver.url_at("webhook.test"))
    server.answers.clear()
    await asyncio.sleep(1.1)
    assert await failure_of(post, receiver.url_at("webhook.test"), connect_timeout=0.5) is ErrorClass.DNS


async def test_a_failing_name_server_says_nothing_against_the_last_answer(
    server: NameServer, new_client: NewClient, receive: Receive
) -> None:
    receiver = await receive(CLOSING)
    post = posting(new_client(resolve=server.resolve, kept=1))
    await post(receiver.url_at("webhook.test"))
    await asyncio.sleep(1.1)
    server.answer = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    for _ in range(3):
        assert await post(receiver.url_at("webhook.test")) == FINE


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), ErrorClass.DNS),
        ([], ErrorClass.DNS),
        (["10.0.0.1"], ErrorClass.FORBIDDEN_ADDRESS),
    ],
)
async def test_an_answer_that_takes_the_last_one_back_counts_at_once(
    answer: list[str] | Exception,
    error_class: ErrorClass,
    server: NameServer,
    new_client: NewClient,
    receive: Receive,
) -> None:
    receiver = await receive(CLOSING)
    post = posting(new_client(resolve=server.resolve, kept=1))
    await post(receiver.url_at("webhook.test"))
    await asyncio.sleep(1.1)
    server.answer = answer
    for _ in range(2):
        assert await failure_of(post, receiver.url_at("webhook.test")) is error_class
