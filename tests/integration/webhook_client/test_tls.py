"""TLS: whom the client trusts, and what it says it expects."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_response import Response
from sendoff_webhooks.client.connection import TransportError
from support.certificates import Authority, new_authority
from support.posting import NewClient, Post, Receive, posting
from support.raw_receiver import OK, Peer, answering, answering_once, refusing_handshakes

FINE = Response(200, b"ok", None)


async def failure_of(post: Post, url: str) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await post(url)
    return caught.value


async def test_the_name_is_announced_and_checked_although_the_address_is_pinned(
    new_client: NewClient, receive: Receive, authority: Authority
) -> None:
    receiver = await receive(answering(OK), authority.server_context("webhook.test"))
    post = posting(new_client(lambda _: ["127.0.0.1"]))
    assert await post(receiver.url_at("webhook.test")) == FINE
    assert await post(receiver.url_at("webhook.test.")) == FINE, "a trailing dot is no part of the certificate's name"
    assert [peer.server_name for peer in receiver.peers] == ["webhook.test"] * 2
    assert b"\r\nhost: webhook.test:%d\r\n" % receiver.port in receiver.requests[0]


async def test_a_name_beyond_ascii_is_announced_and_checked_in_punycode(
    new_client: NewClient, receive: Receive, authority: Authority
) -> None:
    receiver = await receive(answering(OK), authority.server_context("xn--mnchen-3ya.test"))
    post = posting(new_client(lambda _: ["127.0.0.1"]))
    assert await post(receiver.url_at("m\xfcnchen.test")) == FINE
    assert receiver.peers[0].server_name == "xn--mnchen-3ya.test"


async def test_an_address_needs_a_certificate_for_it(post: Post, receive: Receive, authority: Authority) -> None:
    right = await receive(answering(OK), authority.server_context("127.0.0.1"))
    wrong = await receive(answering(OK), authority.server_context("webhook.test"))
    assert await post(right.url) == FINE
    assert (await failure_of(post, wrong.url)).error_class is ErrorClass.TLS


async def test_a_certificate_for_another_name_is_refused(
    new_client: NewClient, receive: Receive, authority: Authority
) -> None:
    """Even if the address would be right."""
    receiver = await receive(answering(OK), authority.server_context("other.test", "127.0.0.1"))
    error = await failure_of(posting(new_client(lambda _: ["127.0.0.1"])), receiver.url_at("webhook.test"))
    assert (error.error_class, "webhook.test" in error.detail) == (ErrorClass.TLS, True)
    assert receiver.requests == []


async def test_a_certificate_without_alternative_names_is_refused_whatever_its_common_name(
    new_client: NewClient, receive: Receive, authority: Authority
) -> None:
    receiver = await receive(answering(OK), authority.server_context(common_name="webhook.test"))
    error = await failure_of(posting(new_client(lambda _: ["127.0.0.1"])), receiver.url_at("webhook.test"))
    assert (error.error_class, receiver.requests) == (ErrorClass.TLS, [])


async def test_an_authority_that_nobody_trusts_is_refused(post: Post, receive: Receive, tmp_path: Path) -> None:
    receiver = await receive(answering(OK), new_authority(tmp_path).server_context("127.0.0.1"))
    error = await failure_of(post, receiver.url)
    assert (error.error_class, "certificate" in error.detail) == (ErrorClass.TLS, True)
    assert receiver.requests == []


async def test_an_expired_certificate_is_refused(post: Post, receive: Receive, authority: Authority) -> None:
    receiver = await receive(answering(OK), authority.server_context("127.0.0.1", valid_for=timedelta(hours=-1)))
    error = await failure_of(post, receiver.url)
    assert (error.error_class, "expired" in error.detail) == (ErrorClass.TLS, True)


@pytest.mark.parametrize(
    ("version", "shown"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]
)
async def test_both_current_versions_are_spoken(
    version: ssl.TLSVersion, shown: str, post: Post, receive: Receive, authority: Authority
) -> None:
    tls = authority.server_context("127.0.0.1")
    tls.minimum_version = tls.maximum_version = version
    receiver = await receive(answering(OK), tls)
    for _ in range(2):
        assert await post(receiver.url) == FINE
    assert [peer.tls_version for peer in receiver.peers] == [shown]


async def test_an_old_version_is_refused(post: Post, authority: Authority) -> None:
    tls = authority.server_context("127.0.0.1")
    with pytest.warns(DeprecationWarning, match=r"TLSv1_1 is deprecated"):
        tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    async with refusing_handshakes(tls) as port:
        assert (await failure_of(post, f"https://127.0.0.1:{port}/")).error_class is ErrorClass.TLS


async def test_a_plain_server_on_a_tls_url_is_a_tls_failure(post: Post, receive: Receive) -> None:
    async def script(peer: Peer) -> None:
        await peer.read(5)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
        await peer.gone()

    receiver = await receive(script)
    url = receiver.url.replace("http:", "https:")
    assert (await failure_of(post, url)).error_class is ErrorClass.TLS


async def test_a_tls_server_on_a_plain_url_is_a_failure(
    post: Post, receive: Receive, server_tls: ssl.SSLContext
) -> None:
    receiver = await receive(answering(OK), server_tls)
    url = receiver.url.replace("https:", "http:")
    error_class = (await failure_of(post, url)).error_class
    assert error_class in (ErrorClass.PROTOCOL, ErrorClass.CONNECTION_RESET), "an alert, or just the end"


async def test_a_server_that_closes_in_the_handshake_has_reset_the_connection(post: Post, receive: Receive) -> None:
    async def script(peer: Peer) -> None:
        await peer.read(5)
        peer.reset()

    receiver = await receive(script)
    url = receiver.url.replace("http:", "https:")
    assert (await failure_of(post, url)).error_class is ErrorClass.CONNECTION_RESET


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_wants_a_certificate_of_ours_is_a_tls_failure(
    version: ssl.TLSVersion, post: Post, authority: Authority
) -> None:
    """With TLS 1.3 the handshake is over for the client when it hears of it."""
    tls = authority.server_context("127.0.0.1")
    tls.minimum_version = tls.maximum_version = version
    tls.verify_mode = ssl.CERT_REQUIRED
    async with refusing_handshakes(tls) as port:
        assert (await failure_of(post, f"https://127.0.0.1:{port}/")).error_class is ErrorClass.TLS


async def test_an_end_without_goodbye_ends_an_answer_without_a_length(
    post: Post, receive: Receive, server_tls: ssl.SSLContext
) -> None:
    """Many servers close TCP without a close_notify; the status is known, so the webhook has answered."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nok")
        peer.cut()

    receiver = await receive(script, server_tls)
    assert await post(receiver.url) == FINE


async def test_an_end_with_goodbye_ends_an_answer_without_a_length(
    post: Post, receive: Receive, server_tls: ssl.SSLContext
) -> None:
    receiver = await receive(answering_once(b"HTTP/1.1 200 OK\r\n\r\nok"), server_tls)
    assert await post(receiver.url) == FINE
