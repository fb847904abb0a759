"""What is sealed opens with its encryption key, for its customer, and in no other way."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_config.settings import SecuritySettings
from sendoff_domain.encryption_key import encryption_key_id, format_encryption_key, parse_encryption_key
from sendoff_domain.errors import DecryptionError
from sendoff_webhooks.keys.encryption import KeyCipher, Place, header_place, key_place, new_key_cipher

signing_keys = st.binary(min_size=24, max_size=64)
encryption_keys = st.binary(min_size=32, max_size=32)
customer_ids = st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z")
KEY = b"k" * 32
FIRST, SECOND = b"1" * 32, b"2" * 32
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def place(customer_id: str = "acme", **changes: Any) -> Place:
    """The first key of a customer, but for these changes."""
    row = {"incarnation": 7, "key_id": 1, "created_at": MOMENT, "expires_at": None, **changes}
    return key_place(customer_id, **row)


ACME = place()


@given(signing_keys, st.lists(encryption_keys, max_size=3), customer_ids)
def test_what_is_sealed_opens_again(key: bytes, keys: list[bytes], customer_id: str) -> None:
    key_cipher = KeyCipher(keys)
    assert key_cipher.decrypt(key_cipher.encrypt(key, place(customer_id)), place(customer_id)) == key


@given(signing_keys, encryption_keys, customer_ids)
def test_nothing_of_the_key_shows_and_no_seal_is_like_another(key: bytes, encryption_key: bytes, customer: str) -> None:
    key_cipher = KeyCipher([encryption_key])
    one, other = key_cipher.encrypt(key, place(customer)), key_cipher.encrypt(key, place(customer))
    assert one != other
    assert key not in one
    assert encryption_key[:4] not in one[:5]


def test_the_first_key_seals_and_every_key_opens() -> None:
    sealed = KeyCipher([FIRST]).encrypt(KEY, ACME)
    both = KeyCipher([SECOND, FIRST])
    assert both.decrypt(sealed, ACME) == KEY
    assert KeyCipher([SECOND]).decrypt(both.encrypt(KEY, ACME), ACME) == KEY


def test_without_an_encryption_key_it_is_stored_as_it_is() -> None:
    stored = KeyCipher().encrypt(KEY, ACME)
    assert stored == b"\0" + KEY
    assert KeyCipher().decrypt(stored, ACME) == KEY


def test_where_there_are_encryption_keys_a_plain_one_is_refused_unless_it_is_to_be_sealed() -> None:
    stored = KeyCipher().encrypt(KEY, ACME)
    with pytest.raises(DecryptionError, match="customer acme is stored plain: run `sendoff migrate --seal-plain`"):
        KeyCipher([FIRST]).decrypt(stored, ACME)
    assert KeyCipher([FIRST]).decrypt(stored, ACME, even_plain=True) == KEY


SECOND_LATER = MOMENT + timedelta(microseconds=1)


@pytest.mark.parametrize(
    "other",
    [
        place(incarnation=8), place(key_id=2), place(created_at=SECOND_LATER), place(expires_at=SECOND_LATER),
        header_place("acme", incarnation=7, header="X-Token", url="https://example.org/"),
    ],
    ids=["the next customer of its id", "another key", "another time", "an end", "a header"],
)  # fmt: skip
def test_a_seal_does_not_open_in_another_row_or_in_its_row_once_that_was_changed(other: Place) -> None:
    key_cipher = KeyCipher([FIRST])
    with pytest.raises(DecryptionError, match="is damaged, or was sealed for another row, or its row was changed"):
        key_cipher.decrypt(key_cipher.encrypt(KEY, ACME), other)


@pytest.mark.parametrize(
    ("change", "opens"),
    [
        ({"url": "https://example.org/elsewhere"}, True),
        ({"header": "x-TOKEN"}, True),
        ({"url": "https://example.net/"}, False),
        ({"url": "http://example.org/"}, False),
        ({"url": None}, False),
        ({"header": "X-Team"}, False),
        ({"incarnation": 8}, False),
    ],
)
def test_the_value_of_a_header_opens_for_its_customer_name_and_origin(change: dict[str, Any], opens: bool) -> None:
    given: dict[str, Any] = {"incarnation": 7, "header": "X-Token", "url": "https://example.org/hook"}
    key_cipher = KeyCipher([FIRST])
    sealed, other = key_cipher.encrypt(b"x", header_place("acme", **given)), header_place("acme", **{**given, **change})
    if opens:
        assert key_cipher.decrypt(sealed, other) == b"x"
        return
    with pytest.raises(DecryptionError, match="the header"):
        key_cipher.decrypt(sealed, other)


@pytest.mark.parametrize("keys", [[], [SECOND]])
def test_a_missing_encryption_key_is_named_by_its_id_and_no_key_is_shown(keys: list[bytes]) -> None:
    sealed = KeyCipher([FIRST]).encrypt(KEY, ACME)
    with pytest.raises(DecryptionError) as refusal:
        KeyCipher(keys).decrypt(sealed, ACME)
    said = str(refusal.value)
    assert f"the encryption key {encryption_key_id(FIRST).hex()}" in said
    assert "SENDOFF_SECURITY__ENCRYPTION_KEYS" in said
    assert "acme" in said
    assert not any(format_encryption_key(key) in said for key in (FIRST, SECOND, KEY))


@given(st.data())
def test_a_seal_that_was_changed_or_cut_anywhere_does_not_open(data: st.DataObject) -> None:
    key_cipher = KeyCipher([FIRST])
    sealed = bytearray(key_cipher.encrypt(KEY, ACME))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(2, 255))  # 2 or more: the first byte does not become that of a plain key
    cut = bytes(sealed[: data.draw(st.integers(0, place))]) if data.draw(st.booleans()) else bytes(sealed)
    with pytest.raises(DecryptionError):
        key_cipher.decrypt(cut, ACME)


def test_a_cipher_does_not_show_its_keys() -> None:
    assert repr(FIRST)[2:-1] not in repr(KeyCipher([FIRST])) + repr(vars(KeyCipher([FIRST])))


def test_the_cipher_of_the_settings_has_the_configured_keys() -> None:
    texts = [format_encryption_key(key) for key in (FIRST, SECOND)]
    key_cipher = new_key_cipher(SecuritySettings.model_validate({"encryptionKeys": texts}))
    assert key_cipher.header == b"\1" + encryption_key_id(FIRST)
    assert key_cipher.decrypt(KeyCipher([SECOND]).encrypt(KEY, ACME), ACME) == KEY


@given(encryption_keys)
def test_an_encryption_key_survives_being_written_and_read(key: bytes) -> None:
    assert parse_encryption_key(format_encryption_key(key) + "\n") == key


@pytest.mark.parametrize(
    "text", ["", "hunter2!", base64.b64encode(b"k" * 31).decode(), base64.b64encode(b"k" * 33).decode(), "schlüssel"]
)
def test_another_text_is_refused_with_what_was_expected_and_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match="^expected base64 of 32 bytes.*openssl rand -base64 32") as refusal:
        parse_encryption_key(text)
    assert not text or text not in str(refusal.value)
