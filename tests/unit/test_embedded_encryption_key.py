"""The encryption key next to an embedded PostgreSQL: made once, and never lost by a start."""

import json
from pathlib import Path

import pytest

from sendoff_cli.encryption import encryption_overrides, make_encryption_key
from sendoff_config.settings import Settings
from sendoff_domain.encryption_key import format_encryption_key, parse_encryption_key
from sendoff_domain.errors import SendoffError

CONFIGURED = format_encryption_key(b"c" * 32)


def settings(*keys: str) -> Settings:
    return Settings.model_validate({"security": {"encryptionKeys": keys}})


def passed_on(folder: Path, *configured: str) -> list[str]:
    """The keys that a process gets."""
    keys: list[str] = json.loads(
        encryption_overrides(folder, settings(*configured))["SENDOFF_SECURITY__ENCRYPTION_KEYS"]
    )
    return keys


def test_it_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    make_encryption_key(tmp_path, settings())
    file = tmp_path / "encryption.key"
    assert file.stat().st_mode & 0o777 == 0o600
    (key,) = passed_on(tmp_path)
    assert len(parse_encryption_key(key)) == 32

    make_encryption_key(tmp_path, settings())

    assert passed_on(tmp_path) == [key]
    assert [path.name for path in tmp_path.iterdir()] == ["encryption.key"]


def test_none_is_made_where_one_is_configured(tmp_path: Path) -> None:
    make_encryption_key(tmp_path, settings(CONFIGURED))
    assert list(tmp_path.iterdir()) == []
    assert encryption_overrides(tmp_path, settings(CONFIGURED)) == {}


def test_what_it_sealed_still_opens_when_another_one_is_configured_later(tmp_path: Path) -> None:
    make_encryption_key(tmp_path, settings())
    (key,) = passed_on(tmp_path)
    assert passed_on(tmp_path, CONFIGURED) == [CONFIGURED, key]


@pytest.mark.parametrize("content", [b"", b"c2hvcnQ=\n", b"\xff\xfe"])
def test_a_file_that_holds_no_key_is_an_error_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "encryption.key"
    file.write_bytes(content)
    make_encryption_key(tmp_path, settings())
    with pytest.raises(SendoffError, match=r"encryption\.key holds the key that opens .* cannot be read"):
        encryption_overrides(tmp_path, settings())
    assert file.read_bytes() == content


def test_a_folder_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SendoffError, match=r"encryption\.key cannot be written"):
        make_encryption_key(tmp_path / "nowhere", settings())
