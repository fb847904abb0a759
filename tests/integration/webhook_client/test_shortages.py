"""What is short on our side is told apart from what is wrong with a webhook or its name server."""

import asyncio
import errno
import socket
from typing import Any

import pytest

from sendoff_domain.errors import ShortageError
from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_response import Response
from sendoff_webhooks.client.connection import TransportError
from support.few_files import no_file_left
from support.posting import NewClient, Post, Receive, posting
from support.raw_receiver import OK, answering

FINE = Response(200, b"ok", None)


async def test_without_a_file_no_request_begins_and_later_ones_do(post: Post, receive: Receive) -> None:
    receiver = await receive(answering(OK))
    with no_file_left(), pytest.raises(ShortageError):
        await post(receiver.url)
    assert receiver.peers == []
    assert await post(receiver.url) == FINE


async def test_connections_that_are_kept_give_way(post: Post, receive: Receive) -> None:
    first, second = await receive(answering(OK)), await receive(answering(OK))
    await post(first.url)
    with no_file_left():
        with pytest.raises(ShortageError):
            await post(second.url)
        with pytest.raises(ShortageError):
            await post(first.url)
    assert await post(first.url) == FINE
    assert len(first.peers) == 2


async def test_a_resolver_that_can_open_no_file_does_not_know_that_the_name_is_wrong(post: Post) -> None:
    with no_file_left(), pytest.raises(ShortageError):
        await post("http://nobody.invalid/", connect_timeout=30)


@pytest.mark.parametrize("code", [socket.EAI_SYSTEM, socket.EAI_MEMORY])
async def test_a_resolver_that_is_short_itself_says_nothing_of_the_name(code: int, new_client: NewClient) -> None:
    def addresses(_: str) -> list[str]:
        raise socket.gaierror(code, "short")

    with pytest.raises(ShortageError):
        await posting(new_client(addresses))("http://webhook.test/")


@pytest.mark.parametrize("number", [errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL])
async def test_whatever_is_short_while_connecting_is_ours(
    number: int, post: Post, receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = await receive(answering(OK))

    loop = asyncio.get_running_loop()

    async def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, "short")

    monkeypatch.setattr("asyncio.get_running_loop", lambda: _Loop(loop, fail))
    with pytest.raises(ShortageError):
        await post(receiver.url)


class _Loop:
    """A loop whose connections fail; the real ones can't be patched."""

    def __init__(self, loop: asyncio.AbstractEventLoop, create_connection: Any) -> None:
        self._loop = loop
        self.create_connection = create_connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


async def test_an_address_that_this_machine_can_never_call_is_no_shortage(
    new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an address of IPv6 the system says the same as without a free port: EADDRNOTAVAIL."""
    unavailable = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    loop = asyncio.get_running_loop()

    async def fail(*_: Any, **__: Any) -> None:
        raise unavailable

    def refuse(*_: Any) -> None:
        raise unavailable

    class Probe(socket.socket):
        connect = refuse

    monkeypatch.setattr(socket, "socket", Probe)
    monkeypatch.setattr("asyncio.get_running_loop", lambda: _Loop(loop, fail))
    with pytest.raises(TransportError) as caught:
        await posting(new_client(allowed="::1/128"))("http://[::1]:9000/")
    assert caught.value.error_class is ErrorClass.NETWORK_UNREACHABLE
