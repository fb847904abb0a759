"""Signatures that any Standard Webhooks library accepts."""

import base64
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sendoff_domain.signing_secret import format_secret, parse_secret
from sendoff_domain.webhook_request import sign

keys = st.binary(min_size=24, max_size=64)
bodies = st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: f'"{text}"'.encode())
KEY = b"k" * 32


def verify(key: bytes, webhook_id: str, unix_seconds: int, body: bytes, signature: str) -> None:
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(unix_seconds),
        "webhook-signature": signature,
    }
    Webhook(format_secret(key)).verify(body.decode(), headers)


def now() -> int:
    return int(datetime.now(UTC).timestamp())


@given(keys, st.binary(max_size=1000))
def test_a_signature_is_what_the_reference_library_makes(key: bytes, noise: bytes) -> None:
    body = base64.b64encode(noise).decode()
    moment = datetime(2026, 11, 22, 12, tzinfo=UTC)
    expected = Webhook(format_secret(key)).sign("msg_1", moment, body)
    assert sign([key], "msg_1", int(moment.timestamp()), body.encode()) == expected


@given(st.binary(max_size=200), st.binary(max_size=300))
def test_a_signature_holds_the_mac_that_python_makes_whatever_the_length_of_the_key(key: bytes, body: bytes) -> None:
    mac = hmac.digest(key, b"msg_1.7." + body, "sha256")
    assert sign([key], "msg_1", 7, body) == "v1," + base64.b64encode(mac).decode()


def test_the_reference_library_accepts_a_signature() -> None:
    body = '{"content":"Grüße 👋"}'.encode()
    verify(KEY, "msg_1", now(), body, sign([KEY], "msg_1", now(), body))


def test_each_of_two_keys_is_enough_to_verify() -> None:
    other = b"o" * 24
    moment = now()
    signature = sign([KEY, other], "msg_1", moment, b"{}")
    assert signature.count("v1,") == 2
    for key in (KEY, other):
        verify(key, "msg_1", moment, b"{}", signature)


@pytest.mark.parametrize(
    ("key", "webhook_id", "shift", "body"),
    [(b"x" * 32, "msg_1", 0, b"{}"), (KEY, "msg_2", 0, b"{}"), (KEY, "msg_1", 1, b"{}"), (KEY, "msg_1", 0, b"{} ")],
)
def test_a_change_of_anything_signed_is_noticed(key: bytes, webhook_id: str, shift: int, body: bytes) -> None:
    moment = now()
    signature = sign([KEY], "msg_1", moment, b"{}")
    with pytest.raises(WebhookVerificationError):
        verify(key, webhook_id, moment + shift, body, signature)


def test_without_a_key_there_is_no_signature() -> None:
    assert sign([], "msg_1", 0, b"{}") == ""


@given(keys)
def test_a_secret_survives_being_written_and_read(key: bytes) -> None:
    assert parse_secret(format_secret(key)) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_####",
        "whsec_Zm9v\n",
        base64.b64encode(KEY).decode(),
        "WHSEC_" + base64.b64encode(KEY).decode(),
        "whsec_" + base64.b64encode(b"k" * 23).decode(),
        "whsec_" + base64.b64encode(b"k" * 65).decode(),
        "whsec_" + base64.b64encode(KEY).decode().rstrip("="),
        "whsec_schlüssel",
    ],
)
def test_a_secret_of_another_form_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match="^expected") as refusal:
        parse_secret(text)
    assert text.removeprefix("whsec_") not in str(refusal.value) or text in ("", "whsec_")
