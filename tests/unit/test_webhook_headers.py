"""Which headers a customer may add to its webhook requests."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from sendoff_config.settings import Settings
from sendoff_domain.webhook_headers import MASK, Headers, checked_headers, checked_value, shown_headers
from sendoff_domain.webhook_request import request_headers, sign
from sendoff_webhooks.client.webhook_client import _request

RESERVED = [
    "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "keep-alive",
    "expect", "upgrade", "te", "trailer", "user-agent", "date", "accept-encoding", "proxy-authorization", "proxy-x",
    "webhook-id", "webhook-signature", "webhook-whatever", "sendoff-attempt", "sendoff-x",
]  # fmt: skip
NO_TOKEN = ["", " ", "x y", "x:", "é", "x\n", "x\r\ny", "\0", "(x)", "x/y", "x@y", 'x"', "x" * 65, "x\t"]
NO_VALUE = ["", " ", " x", "x ", "x\n", "x\r\nx-evil: 1", "\0", "\x7f", "\x1f", "é", "x\ty", "x" * 1025]
TOKEN = st.text(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~", min_size=1, max_size=64)
VALUE = st.text([chr(code) for code in range(32, 127)], min_size=1, max_size=1024).filter(
    lambda text: text == text.strip()
)


def headers_of(attempt_number: int, unix_seconds: int, own: dict[str, str]) -> dict[str, str]:
    """The headers of an attempt to send the message msg_1."""
    return request_headers(
        own,
        webhook_id="msg_1",
        attempt_number=attempt_number,
        unix_seconds=unix_seconds,
        body=b"{}",
        keys=[b"k" * 32],
        user_agent="sendoff/1",
    )


def test_every_attempt_has_the_same_id_and_its_own_number() -> None:
    first, second = (headers_of(number, 100 + number, {}) for number in (1, 2))
    assert first["webhook-id"] == second["webhook-id"] == "msg_1"
    assert (first["sendoff-attempt"], second["sendoff-attempt"]) == ("1", "2")
    assert (first["webhook-timestamp"], second["webhook-timestamp"]) == ("101", "102")
    assert second["webhook-signature"] == sign([b"k" * 32], "msg_1", 102, b"{}")


@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_name_is_refused_however_it_is_written(name: str) -> None:
    for written in (name, name.upper(), name.title()):
        with pytest.raises(ValueError, match=f"expected another name than {written}"):
            checked_headers({written: "x"})


@pytest.mark.parametrize("name", NO_TOKEN)
def test_what_is_no_token_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="expected a header's name"):
        checked_headers({name: "x"})


@pytest.mark.parametrize("value", NO_VALUE)
def test_what_is_not_printable_is_no_value_and_is_not_shown(value: str) -> None:
    with pytest.raises(ValueError, match="^expected 1 to 1024 printable ASCII characters, with no blank") as refused:
        checked_value(value)
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize(
    "name", ["authorization", "X-Team", "x", "host-name", "contents", "tea", "sendoff", "!#$%&'*+-.^_`|~"]
)
def test_other_names_are_allowed(name: str) -> None:
    assert checked_headers({name: "x"}) == {name: "x"}


def test_two_names_that_differ_in_capital_letters_only_are_one_too_many() -> None:
    with pytest.raises(ValueError, match="X-team is there twice"):
        checked_headers({"x-team": "a", "X-team": "b"})


def test_there_are_at_most_twenty() -> None:
    twenty = {f"x-{number}": "x" for number in range(20)}
    assert checked_headers(twenty) == twenty
    with pytest.raises(ValueError, match="at most 20 headers, got 21"):
        checked_headers({**twenty, "y": "x"})


@given(TOKEN, VALUE)
def test_what_is_allowed_can_be_sent(name: str, value: str) -> None:
    try:
        own = TypeAdapter(Headers).validate_python({name: value})
    except ValidationError:
        return
    headers = headers_of(1, 1_800_000_000, own)
    _, data = _request("http://example.org/", headers, b"{}")
    assert f"\r\n{name}: {value}\r\n".encode() in data
    assert data.count(b"\r\n\r\n") == 1


def test_the_configuration_has_the_same_rule() -> None:
    assert Settings.model_validate({"webhook": {"headers": {"x-team": "a"}}}).webhook.headers == {"x-team": "a"}
    with pytest.raises(ValidationError, match="expected another name than Host"):
        Settings.model_validate({"webhook": {"headers": {"Host": "a"}}})


def test_what_looks_like_a_credential_is_masked() -> None:
    confidential = ["Authorization", "X-API-Key", "cookie", "x-auth-token", "my.secret", "X-Signature", "apikey"]
    plain = ["x-team", "x-monkey", "x-author", "keyboard", "x-tokenised"]
    assert shown_headers(dict.fromkeys([*confidential, *plain], "v")) == {
        **dict.fromkeys(confidential, MASK),
        **dict.fromkeys(plain, "v"),
    }
