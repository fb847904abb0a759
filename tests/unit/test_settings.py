"""The settings of config.yaml, read from a file and the environment."""

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sendoff_config.loading import load_settings
from sendoff_config.settings import Settings
from sendoff_domain.errors import SettingsError

USERS_SNIPPET = """\
scheduler:
    enabled: true
    interval: 2m
    batchSize: 2
    maxConcurrent: 2
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def test_the_snippet_loads_as_its_user_wrote_it(config: Path) -> None:
    config.write_text(USERS_SNIPPET)
    scheduler = load_settings(config, {}).scheduler
    assert scheduler.enabled
    assert (scheduler.interval, scheduler.batch_size, scheduler.max_concurrent) == (timedelta(minutes=2), 2, 2)
    assert not scheduler.drain


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "scheduler:\nwebhook:\n    # url: unset\n"])
def test_what_is_not_said_has_its_default(config: Path, text: str) -> None:
    config.write_text(text)
    assert load_settings(config, {}) == load_settings(None, {}) == Settings()


def test_the_environment_wins(config: Path) -> None:
    config.write_text(USERS_SNIPPET)
    environment = {"SENDOFF_SCHEDULER__BATCH_SIZE": "7", "SENDOFF_DEAD_LETTERS__RETENTION": "1h", "HOME": "/"}
    settings = load_settings(config, environment)
    assert (settings.scheduler.batch_size, settings.scheduler.max_concurrent) == (7, 2)
    assert settings.dead_letters.retention == timedelta(hours=1)


def test_the_environment_can_hold_lists() -> None:
    settings = load_settings(
        None, {"SENDOFF_RETRY__WAITS": "[1s, 2m]", "SENDOFF_SECURITY__ALLOWED_NETWORKS": '["10.0.0.0/8", "::1/128"]'}
    )
    assert settings.retry.total_attempts == 3
    assert [str(network) for network in settings.security.allowed_networks] == ["10.0.0.0/8", "::1/128"]


def test_a_retry_strategy_can_be_a_name(config: Path) -> None:
    config.write_text("retry: patient\n")
    assert load_settings(config, {}).retry.total_attempts == 15
    assert load_settings(config, {"SENDOFF_RETRY": "once"}).retry.total_attempts == 1
    assert load_settings(config, {"SENDOFF_RETRY__ATTEMPTS": "3"}).retry.total_attempts == 3


def test_encryption_keys_are_a_list_in_the_environment() -> None:
    keys = ["pv/7M3W1KXZ8nV8jG3vWqzX2XQm1H9Yy5q6d8J0K1L0=", "4Oa9z0rIu2K1c7Yk0V7cO3w+K4k7j9Z3n1hG5b6f7d8="]
    found = load_settings(None, {"SENDOFF_SECURITY__ENCRYPTION_KEYS": f"[{', '.join(keys)}]"}).security.encryption_keys
    assert [key.get_secret_value() for key in found] == keys


def test_a_password_of_digits_stays_text() -> None:
    settings = load_settings(None, {"SENDOFF_NATS__USER": "jane", "SENDOFF_NATS__PASSWORD": "0123"})
    assert settings.nats.password is not None
    assert settings.nats.password.get_secret_value() == "0123"


def test_variables_that_are_no_settings_are_left_alone() -> None:
    environment = {"SENDOFF_CONFIG": "x", "SENDOFF_DATA": "y", "SENDOFF_INSTANCE": "i", "SENDOFF_PROCESS": "0/1"}
    assert load_settings(None, environment) == Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schedular: {}", "schedular: unknown key; did you mean scheduler?"),
        ("scheduler: {batchsize: 2}", "scheduler.batchsize: unknown key; did you mean batchSize?"),
        ("logging: {colour: red}", "logging.colour: unknown key; expected one of level, format"),
        ("scheduler: {interval: 120}", "scheduler.interval: expected a duration such as"),
        ("scheduler: {interval: 0s}", "scheduler.interval: expected a duration longer than zero"),
        ("scheduler: {interval: -2m}", "scheduler.interval: expected a duration"),
        ("scheduler: {interval: }", "scheduler.interval: expected a duration"),
        ("scheduler: {batchSize: 0}", "scheduler.batchSize: expected greater than or equal to 1, got 0"),
        ("scheduler: {batchSize: many}", "scheduler.batchSize: expected a valid integer"),
        ("scheduler: {batchSize: 2.5}", "scheduler.batchSize: expected a valid integer"),
        ("scheduler: {batchSize: yes}", "scheduler.batchSize: expected a value that is not yes or no, got True"),
        ("scheduler: {enabled: perhaps}", "scheduler.enabled: expected a valid boolean"),
        ("scheduler: [1]", "scheduler: expected"),
        ("scheduler: 5", "scheduler: expected"),
        ("http: {port: 70000}", "http.port: expected less than or equal to 65535, got 70000"),
        ("retry: {waits: [1s], attempts: 3}", "retry: expected either waits or attempts"),
        ("retry: eager", "retry: expected one of standard, quick, patient, once, or a strategy with keys of its own"),
        ("retry: 5", "retry: expected one of standard, quick, patient, once"),
        ("retry: {attempts: true}", "retry.attempts: expected a value that is not yes or no, got True"),
        ("retry: {waits: [1s, soon]}", "retry.waits.1: expected a duration"),
        ("webhook: {url: ftp://example.com}", "webhook.url: expected a URL that starts with http"),
        ("redis: {brokerUrl: redis://a/0}", "redis: expected brokerUrl and cacheUrl together"),
        ("redis: {brokerUrl: redis://a/0, cacheUrl: redis://a/0}", "redis: expected cacheUrl to name another database"),
        ("partitions: {every: week}", "partitions.every: expected 'day' or 'hour', got 'week'"),
        ("security: {allowedNetworks: [10.0.0.1/8]}", "security.allowedNetworks.0"),
        ("security: {encryptionKeys: [abc]}", "security.encryptionKeys.0: expected base64 of 32 bytes"),
        ("security: {allowedNetworks: ['::ffff:10.0.0.0/104']}", "allowedNetworks.0: expected the IPv4 network itself"),
        ("security: {allowedPorts: []}", "security.allowedPorts: expected at least 1 in the list, got []"),
        ("security: {allowedPorts: 443}", "security.allowedPorts: expected a list, got 443"),
        (
            "security: {allowedPorts: [443, 9000-8000]}",
            "security.allowedPorts.1: expected a port from 1 to 65535, or a",
        ),
        (
            "webhook: {url: 'http://a.test:25/'}",
            "webhook.url: expected a URL with a port of security.allowedPorts (80, 4",
        ),
        ("{webhook: {url: 'http://a.test/'}, security: {allowedPorts: [443]}}", "(443), not 80, got 'http://a.test/'"),
        ("- a list", "expected sections with keys"),
        ("a: [", "expected YAML"),
        ("1: 2", "expected"),
    ],
)
def test_a_mistake_is_named_with_its_path_and_what_was_expected(config: Path, text: str, said: str) -> None:
    config.write_text(text)
    with pytest.raises(SettingsError) as refusal:
        load_settings(config, {})
    assert said in str(refusal.value)
    assert str(refusal.value).startswith(f"{config}: ")


def test_every_mistake_has_its_line(config: Path) -> None:
    config.write_text("scheduler: {batchSize: 0}\nhttp: {port: -1}\nnonsense: 1\n")
    with pytest.raises(SettingsError) as refusal:
        load_settings(config, {})
    assert len(str(refusal.value).splitlines()) == 3


@pytest.mark.parametrize(
    "environment",
    [
        {"SENDOFF_SCHEDULER__BATCHSIZE": "2"},
        {"SENDOFF_NONSENSE": "2"},
        {"SENDOFF_SCHEDULER": "5"},
        {"SENDOFF_SCHEDULER": "x", "SENDOFF_SCHEDULER__INTERVAL": "2m"},
        {"SENDOFF_RETRY__WAITS": "[1s"},
        {"SENDOFF_SCHEDULER__INTERVAL__NOW": "2m"},
    ],
)
def test_a_wrong_variable_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        load_settings(None, environment)


@pytest.mark.parametrize(
    "environment",
    [
        {"SENDOFF_HTTP__API_KEYS": "hunter2"},
        {"SENDOFF_HTTP__API_KEYS": "[[hunter2]]"},
        {"SENDOFF_NATS__PASSWORD": "[hunter2]"},
        {"SENDOFF_NATS__TOKEN": "{a: hunter2}"},
        {"SENDOFF_SECURITY__ENCRYPTION_KEYS": "[hunter2]"},
        {"SENDOFF_SECURITY__ENCRYPTION_KEYS": "hunter2"},
        {"SENDOFF_WEBHOOK__URL": "http://user:hunter2@example.com/"},
    ],
)
def test_a_mistake_in_a_secret_does_not_show_it(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings(None, environment)
    assert "hunter2" not in str(refusal.value)


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.yaml: cannot be read"):
        load_settings(tmp_path / "missing.yaml", {})


def test_settings_do_not_change_after_reading() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().scheduler.batch_size = 3


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_value_of_a_variable_breaks_the_reading(value: object) -> None:
    for name in ("SENDOFF_SCHEDULER__INTERVAL", "SENDOFF_RETRY", "SENDOFF_HTTP__API_KEYS"):
        with contextlib.suppress(SettingsError):
            load_settings(None, {name: str(value)})


@pytest.mark.parametrize(
    "text", ["a: !!bool hunter2", "a: !!int hunter2", "a: !!int ''", "a: !!timestamp hunter2", "a: " + "[" * 5000]
)
def test_a_value_that_is_not_what_its_tag_says_is_a_mistake_in_the_file(config: Path, text: str) -> None:
    config.write_text(text)
    with pytest.raises(SettingsError, match="expected YAML") as caught:
        load_settings(config, {})
    assert str(caught.value).startswith(str(config))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ['retry: {"a\\nWARNING all is well": 1}', '"a\\e[2Jb": 1\n"a\\e[2Jb": 1', '"\\u2028": 1']
)
def test_a_foreign_key_makes_no_line_of_its_own(config: Path, text: str) -> None:
    config.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(config, {})
    assert str(caught.value).isprintable()


def test_a_batch_of_the_ingest_must_fit_into_what_may_be_unacknowledged(config: Path) -> None:
    config.write_text("ingest: {enabled: true, batchSize: 500, maxAckPending: 400}\n")
    with pytest.raises(SettingsError, match="ingest: expected maxAckPending to be at least batchSize"):
        load_settings(config, {})
    config.write_text("ingest: {enabled: true, batchSize: 400, maxAckPending: 400}\n")
    assert load_settings(config, {}).ingest.enabled
