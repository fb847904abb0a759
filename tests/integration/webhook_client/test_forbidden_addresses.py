"""What must not be called is not: nothing reaches a receiver on a forbidden address, however a URL or a name tries."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle

import pytest

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_addresses import parse_ports
from sendoff_domain.webhook_response import Response
from sendoff_webhooks.client.connection import TransportError
from support.posting import NewClient, Post, Receive, posting
from support.raw_receiver import OK, RawReceiver, answering, answering_once

FINE = Response(200, b"ok", None)
FORBIDDEN = ErrorClass.FORBIDDEN_ADDRESS
#: The tests' stand-in for a public address, the only one that they allow, and a forbidden one of the same machine.
PUBLIC, PRIVATE = "127.0.0.2", "127.0.0.1"
CLOSING = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
#: What a name server may try once it was believed.
TRICKS = [
    [PRIVATE],
    [PUBLIC, PRIVATE],
    [PRIVATE, PUBLIC],
    ["::ffff:127.0.0.1"],
    [PUBLIC, "::ffff:7f00:1"],
    ["0.0.0.0"],
    ["::"],
    ["::1"],
    ["::1%lo", PUBLIC],
    ["64:ff9b::7f00:1"],
    ["127.1"],
    ["2130706433", PUBLIC],
]


async def outcome(post: Post, url: str) -> Response | ErrorClass:
    try:
        return await post(url)
    except TransportError as error:
        return error.error_class


async def two_receivers(receive: Receive) -> tuple[RawReceiver, RawReceiver]:
    """One that may be called and one that must not be, on the same port."""
    for _ in range(20):  # another test's connection may have that port at the other address
        public = await receive(answering_once(CLOSING), host=PUBLIC)
        with suppress(OSError):
            return public, await receive(answering(OK), host=PRIVATE, port=public.port)
    raise AssertionError("expected a port that is free at both addresses")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "017700000001", "127.1", "127.0.1", "0",
     "0x0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
     "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[2606:4700::5efe:7f00:1]", "localhost",
     "LOCALHOST",
     "\uff11\uff12\uff17.\uff10.\uff10.\uff11", "127\u30020\u30020\u30021", "127\uff610\uff0e0\uff0e1",
     "\u2460\u2461\u2466.0.0.1", "127.0.0\xad.1", "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
     "169.254.169.254", "0xa9fea9fe", "100.100.100.200", "[fd00:ec2::254]", "10.1", "255.255.255.255"],
)  # fmt: skip
async def test_a_private_address_is_never_called_however_it_is_written(
    host: str, new_client: NewClient, receive: Receive
) -> None:
    receiver = await receive(answering(OK))
    post = posting(new_client(allowed=""))
    assert await outcome(post, receiver.url_at(host)) is FORBIDDEN
    assert receiver.peers == []


@pytest.mark.parametrize(
    "host_and_more",
    ["good.test@127.0.0.1", "127.0.0.1\\@good.test", "127%2E0%2E0%2E1", "%6cocalhost", "[fe80::1%lo]", "[::1%lo]",
     "[127.0.0.1]", "127.0.0.1..", ".127.0.0.1", "127.0.0.1\\good.test", "127.0.0.1,good.test"],
)  # fmt: skip
async def test_a_url_that_could_be_read_in_two_ways_is_not_called_even_where_everything_is_allowed(
    host_and_more: str, new_client: NewClient, receive: Receive
) -> None:
    receiver = await receive(answering(OK))
    post = posting(new_client(allowed="0.0.0.0/0 ::/0"))
    assert await outcome(post, f"http://{host_and_more}:{receiver.port}/") is ErrorClass.PROTOCOL
    assert receiver.peers == []


@pytest.mark.parametrize("host", ["127.0.0.1.", "foo.localhost", "localhost."])
async def test_what_resolvers_take_for_loopback_or_for_nothing_reaches_nothing(
    host: str, new_client: NewClient, receive: Receive
) -> None:
    receiver = await receive(answering(OK))
    assert await outcome(posting(new_client(allowed="")), receiver.url_at(host)) in (FORBIDDEN, ErrorClass.DNS)
    assert receiver.peers == []


@pytest.mark.parametrize("found", TRICKS)
async def test_a_name_that_leads_to_a_forbidden_address_is_not_called_at_all(
    found: list[str], new_client: NewClient, receive: Receive
) -> None:
    public, private = await two_receivers(receive)
    post = posting(new_client(lambda _: found, allowed=f"{PUBLIC}/32"))
    assert await outcome(post, public.url_at("webhook.test")) is FORBIDDEN
    assert (public.peers, private.peers) == ([], [])


async def test_a_connection_goes_to_exactly_the_address_that_was_checked(
    new_client: NewClient, receive: Receive
) -> None:
    """A name that answers differently whenever it is asked again (DNS rebinding) gains nothing by it."""
    answers: Iterator[list[str]] = cycle([[PUBLIC], *TRICKS])
    asked = []

    def addresses(name: str) -> list[str]:
        asked.append(name)
        return next(answers)

    public, private = await two_receivers(receive)
    post = posting(new_client(addresses, allowed=f"{PUBLIC}/32", kept=0))
    url = public.url_at("rebinding.test")
    assert [await outcome(post, url) for _ in range(3 * (1 + len(TRICKS)))] == 3 * [FINE, *[FORBIDDEN] * len(TRICKS)]
    assert len(asked) == 3 * (1 + len(TRICKS)), "nothing is resolved again between the check and the connection"
    assert (len(public.peers), private.peers) == (3, [])


async def test_many_names_that_change_their_minds_at_once_gain_nothing_either(
    new_client: NewClient, receive: Receive
) -> None:
    answers: Iterator[list[str]] = cycle([[PUBLIC], *TRICKS])
    public, private = await two_receivers(receive)
    post = posting(new_client(lambda _: next(answers), allowed=f"{PUBLIC}/32", kept=0))
    urls = [public.url_at(f"{number % 40}.test") for number in range(200)]
    outcomes = await asyncio.gather(*[outcome(post, url) for url in urls])
    assert set(outcomes) == {FINE, FORBIDDEN}
    assert (len(public.peers), private.peers) == (outcomes.count(FINE), [])


async def test_an_answer_that_is_kept_leads_where_it_led_when_it_was_checked(
    new_client: NewClient, receive: Receive
) -> None:
    answers = iter([[PUBLIC], *TRICKS])
    public, private = await two_receivers(receive)
    post = posting(new_client(lambda _: next(answers), allowed=f"{PUBLIC}/32"))
    assert [await outcome(post, public.url_at("kept.test")) for _ in range(10)] == [FINE] * 10
    assert (len(public.peers), private.peers) == (10, [])


async def test_a_request_that_goes_out_again_since_its_connection_was_closed_is_checked_again(
    new_client: NewClient, receive: Receive
) -> None:
    answers = iter([[PUBLIC], [PRIVATE]])
    public = await receive(answering(OK), host=PUBLIC)
    private = await receive(answering(OK), host=PRIVATE, port=public.port)
    post = posting(new_client(lambda _: next(answers), allowed=f"{PUBLIC}/32", kept=0))
    url = public.url_at("webhook.test")
    assert await outcome(post, url) == FINE
    public.peers[0].cut()  # which the client does not know yet
    assert await outcome(post, url) == FORBIDDEN
    assert private.peers == []


async def test_a_redirect_to_a_forbidden_address_leads_nowhere(new_client: NewClient, receive: Receive) -> None:
    private = await receive(answering(OK), host=PRIVATE)
    moved = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % private.url.encode()
    public = await receive(answering(moved), host=PUBLIC)
    answer = await outcome(posting(new_client(allowed=f"{PUBLIC}/32")), public.url_at(PUBLIC))
    assert answer == Response(307, b"", None)
    assert private.peers == []


async def test_a_port_that_is_not_allowed_is_not_called_and_its_name_not_resolved(
    new_client: NewClient, receive: Receive
) -> None:
    asked = []

    def addresses(name: str) -> list[str]:
        asked.append(name)
        return [PRIVATE]

    one, other = await receive(answering(OK)), await receive(answering(OK))
    post = posting(new_client(addresses, ports=[parse_ports(one.port), parse_ports("443")]))
    assert await post(one.url_at("webhook.test")) == FINE
    with pytest.raises(TransportError) as caught:
        await post(other.url_at("elsewhere.test"))
    detail = f"port {other.port} must not be called, only {one.port}, 443 (security.allowedPorts)"
    assert (caught.value.error_class, caught.value.detail) == (FORBIDDEN, detail)
    assert (asked, other.peers) == (["webhook.test"], [])


@pytest.mark.parametrize("port", [1, 21, 22, 25, 53, 79, 81, 442, 444, 1023])
async def test_the_privileged_ports_but_for_the_webs_are_not_called_by_default(
    port: int, new_client: NewClient
) -> None:
    post = posting(new_client())
    assert await outcome(post, f"http://127.0.0.1:{port}/") is FORBIDDEN


async def test_a_proxy_of_the_environment_is_not_used(
    new_client: NewClient, receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would resolve names by itself, and call what it likes."""
    proxy, receiver = await receive(answering(OK)), await receive(answering(OK))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    assert await posting(new_client(lambda _: [PRIVATE]))(receiver.url_at("webhook.test")) == FINE
    assert receiver.requests[0].startswith(b"POST /in HTTP/1.1\r\n")
    assert proxy.peers == []
