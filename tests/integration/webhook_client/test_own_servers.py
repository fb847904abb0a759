"""Servers of this installation are never a webhook, even in networks that are allowed; trusted ones are one's own."""

import socket
from collections.abc import Sequence

import pytest

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.texts import DEFAULT_CUSTOMER
from sendoff_domain.webhook_response import Response
from sendoff_domain.webhook_url import HostPort
from sendoff_webhooks.client.connection import TransportError
from support.posting import NewClient, Post, Receive, posting
from support.raw_receiver import OK, RawReceiver, answering, free_port

FINE = Response(200, b"ok", None)
EVERYTHING = "0.0.0.0/0 ::/0"
EVERY_ONE = "0.0.0.0"


async def outcome(post: Post, url: str) -> Response | ErrorClass:
    try:
        return await post(url)
    except TransportError as error:
        return error.error_class


def this_machine() -> str:
    """An address of this machine that is not loopback, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


@pytest.fixture
async def own(receive: Receive) -> RawReceiver:
    """A server of ours, on every address of this machine."""
    return await receive(answering(OK), None, "0.0.0.0")


@pytest.mark.parametrize("configured", ["127.0.0.1", "localhost", EVERY_ONE, "::1", "here"])
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "127.0.0.2", "[::ffff:127.0.0.1]", EVERY_ONE, "here"]
)
async def test_no_notation_of_an_address_leads_to_our_own_server(
    configured: str, host: str, own: RawReceiver, new_client: NewClient
) -> None:
    here = this_machine()
    client = new_client(allowed=EVERYTHING, own=[HostPort(configured.replace("here", here), own.port)])
    url = f"http://{host.replace('here', here)}:{own.port}/"
    assert await outcome(posting(client), url) is ErrorClass.FORBIDDEN_ADDRESS
    assert own.peers == []
    assert "a server of Sendoff's own" in str(await client.why_forbidden(url))


async def test_other_ports_of_the_same_address_are_called(new_client: NewClient, receive: Receive) -> None:
    receiver = await receive(answering(OK))
    client = new_client(own=[HostPort("127.0.0.1", free_port()), HostPort("10.0.0.1", receiver.port)])
    assert await outcome(posting(client), receiver.url) == FINE
    assert await client.why_forbidden(receiver.url) is None


async def test_a_name_that_leads_to_our_own_server_is_not_called(receive: Receive, new_client: NewClient) -> None:
    receiver = await receive(answering(OK))

    def addresses(host: str) -> Sequence[str]:
        return {"nats.internal.test": ["127.0.0.1"], "evil.test": ["127.0.0.1"], "good.test": ["127.0.0.2"]}[host]

    own = [HostPort("nats.internal.test", receiver.port), HostPort("gone.test", 1)]
    client = new_client(addresses, own=own)
    assert await outcome(posting(client), receiver.url_at("evil.test")) is ErrorClass.FORBIDDEN_ADDRESS
    assert receiver.peers == []


async def test_a_name_of_ours_that_has_no_address_forbids_nothing(receive: Receive, new_client: NewClient) -> None:
    def addresses(host: str) -> Sequence[str]:
        if host == "gone.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ["127.0.0.1"]

    receiver = await receive(answering(OK))
    client = new_client(addresses, own=[HostPort("gone.test", receiver.port)])
    assert await outcome(posting(client), receiver.url_at("good.test")) == FINE


async def test_a_trusted_server_may_be_called_for_the_default_customer_alone(
    receive: Receive, new_client: NewClient
) -> None:
    receiver, other = await receive(answering(OK)), await receive(answering(OK))
    client = new_client(allowed="", ports=[], trusted=[HostPort("127.0.0.1", receiver.port)])
    ours = posting(client, DEFAULT_CUSTOMER)
    for _ in range(2):
        assert await outcome(ours, receiver.url) == FINE
        for customer in ("", "acme"):
            assert await outcome(posting(client, customer), receiver.url) is ErrorClass.FORBIDDEN_ADDRESS
    assert await outcome(ours, other.url) is ErrorClass.FORBIDDEN_ADDRESS
    assert await outcome(ours, f"http://127.1:{receiver.port}/") is ErrorClass.FORBIDDEN_ADDRESS
    assert (len(receiver.peers), other.peers) == (1, [])
    assert await client.why_forbidden(receiver.url, DEFAULT_CUSTOMER) is None
    assert await client.why_forbidden(receiver.url, "acme") is not None


async def test_a_server_of_ours_is_not_even_called_if_it_is_trusted(own: RawReceiver, new_client: NewClient) -> None:
    server = HostPort("127.0.0.1", own.port)
    client = new_client(allowed="", own=[server], trusted=[server])
    url = f"http://127.0.0.1:{own.port}/"
    assert await outcome(posting(client, DEFAULT_CUSTOMER), url) is ErrorClass.FORBIDDEN_ADDRESS
