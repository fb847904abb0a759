"""How config.yaml and the environment are read; what the settings themselves refuse is in test_settings."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from sendoff_config.bootstrap import require_closed_api
from sendoff_config.loading import load_settings
from sendoff_config.settings import Settings
from sendoff_domain.errors import SettingsError

SHIPPED = Path(__file__).parents[2] / "config.yaml"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def refusal(config: Path | None, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(config, environment or {})
    return str(refused.value)


def keys_of(model: type[BaseModel]) -> dict[str, Any]:
    """The keys of a model as the file writes them, sections inside sections."""
    return {
        field.alias or name: keys_of(field.annotation)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        else None
        for name, field in model.model_fields.items()
    }


def keys_in(document: dict[str, Any]) -> dict[str, Any]:
    return {key: keys_in(value) if isinstance(value, dict) and value else None for key, value in document.items()}


def test_the_shipped_file_names_every_key_and_no_other() -> None:
    assert keys_in(yaml.safe_load(SHIPPED.read_text())) == keys_of(Settings)


def test_the_shipped_file_loads() -> None:
    scheduler = load_settings(SHIPPED, {}).scheduler
    assert (scheduler.enabled, scheduler.drain) == (True, True)
    assert (scheduler.batch_size, scheduler.max_concurrent) == (500, 200)
    assert scheduler.interval == timedelta(milliseconds=100)


def test_every_key_of_the_shipped_file_says_its_default() -> None:
    lines = [line for line in SHIPPED.read_text().splitlines() if ": " in line and not line.startswith("#")]
    assert [line for line in lines if "default" not in line.lower()] == []


def test_what_the_shipped_file_says_beside_the_scheduler_is_the_default() -> None:
    shipped, default = load_settings(SHIPPED, {}), Settings()
    differing = {name for name in Settings.model_fields if getattr(shipped, name) != getattr(default, name)}
    assert differing == {"scheduler"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scheduler: {}\nhttp: {}\nscheduler: {}\n", "line 3, column 1: scheduler is there twice"),
        ("scheduler:\n  interval: 2m\n  interval: 3m\n", "line 3, column 3: interval is there twice"),
        ("scheduler:\n\tinterval: 2m\n", "line 2, column 1: found character"),
        ("a: b: c", "line 1, column 5: mapping values are not allowed here"),
        ("? [a]\n: b\n", "unhashable key"),
        ("\x00", "expected YAML"),
    ],
)
def test_what_is_no_proper_yaml_is_refused_with_its_place(config: Path, text: str, said: str) -> None:
    config.write_text(text)
    assert said in refusal(config)


def test_a_line_that_is_no_yaml_is_not_quoted_because_it_may_hold_a_password(config: Path) -> None:
    config.write_text("nats:\n  password: hunter2: 3\n")
    assert "hunter2" not in refusal(config)


@pytest.mark.parametrize("text", ["00123", "0x1F", "1:30", "0b11", "2026-01-01", "1_000", "007"])
def test_a_password_that_looks_like_an_odd_number_stays_what_it_is(config: Path, text: str) -> None:
    config.write_text(f"nats: {{user: jane, password: {text}}}\n")
    password = load_settings(config, {}).nats.password
    assert password is not None
    assert password.get_secret_value() == text


def test_merge_keys_and_anchors_work(config: Path) -> None:
    config.write_text("scheduler: &pace\n  interval: 2m\n  <<: {batchSize: 3}\n")
    scheduler = load_settings(config, {}).scheduler
    assert (scheduler.interval, scheduler.batch_size) == (timedelta(minutes=2), 3)


def test_a_wrong_variable_is_named_and_a_wrong_key_of_the_file_is_not_blamed_on_it(config: Path) -> None:
    config.write_text("scheduler: {interval: soon}\n")
    lines = refusal(config, {"SENDOFF_SCHEDULER__BATCH_SIZE": "many"}).splitlines()
    assert lines[0].startswith(f"{config}: scheduler.interval: expected a duration")
    assert lines[1].startswith("SENDOFF_SCHEDULER__BATCH_SIZE: scheduler.batchSize: expected a valid integer")


def test_an_entry_of_a_list_in_a_variable_is_named_with_the_variable() -> None:
    said = refusal(None, {"SENDOFF_SECURITY__ALLOWED_NETWORKS": "[10.0.0.0/8, 10.0.0.1/8]"})
    assert said == (
        "SENDOFF_SECURITY__ALLOWED_NETWORKS: security.allowedNetworks.1: expected a network such as 10.1.0.0/16 or"
        " fd00::/8, with no bits beyond the prefix, got '10.0.0.1/8'"
    )


def test_markers_that_live_no_longer_than_a_lease_are_refused(config: Path) -> None:
    config.write_text("redis: {markerLife: 10s}\n")
    assert "redis.markerLife: expected at least twice scheduler.lease" in refusal(config, {})


def test_a_webhook_on_a_forbidden_port_is_named_with_what_set_it(config: Path) -> None:
    config.write_text("security: {allowedPorts: [8000-8999, 443]}\n")
    said = refusal(config, {"SENDOFF_WEBHOOK__URL": "https://a.test:9000/"})
    assert said == (
        "SENDOFF_WEBHOOK__URL: webhook.url: expected a URL with a port of security.allowedPorts (8000-8999, 443),"
        " not 9000, got 'https://a.test:9000/'"
    )


def test_an_empty_variable_counts_as_not_set(config: Path) -> None:
    config.write_text("scheduler: {batchSize: 3}\n")
    assert load_settings(config, {"SENDOFF_SCHEDULER__BATCH_SIZE": ""}).scheduler.batch_size == 3


def test_what_kubernetes_sets_for_a_service_of_our_name_is_no_setting() -> None:
    environment = {
        "SENDOFF_SERVICE_HOST": "10.0.0.7",
        "SENDOFF_SERVICE_PORT": "8080",
        "SENDOFF_SERVICE_PORT_HTTP": "8080",
        "SENDOFF_PORT": "tcp://10.0.0.7:8080",
        "SENDOFF_PORT_8080_TCP": "tcp://10.0.0.7:8080",
        "SENDOFF_PORT_8080_TCP_PROTO": "tcp",
        "SENDOFF_PORT_8080_TCP_PORT": "8080",
        "SENDOFF_PORT_8080_TCP_ADDR": "10.0.0.7",
        "SENDOFF_API_SERVICE_HOST": "10.0.0.8",
        "SENDOFF_API_SERVICE_PORT_GRPC_WEB": "8080",
        "SENDOFF_API_PORT": "tcp://10.0.0.8:8080",
    }
    assert load_settings(None, environment) == Settings()


@pytest.mark.parametrize("name", ["SENDOFF_PORT", "SENDOFF_SCHEDULER_BATCH_SIZE", "SENDOFF_HTTP_PORT"])
def test_a_variable_with_one_underscore_too_few_is_refused(name: str) -> None:
    assert refusal(None, {name: "8080"}).startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scheduler: 5", "scheduler: expected a section with keys, got 5"),
        ("http: {apiKeys: hunter2}", "http.apiKeys: expected a list"),
        ("http: {host: null}", "http.host: expected a text, got nothing"),
        ("retry: {waits: []}", "retry.waits: expected at least 1 in the list, got []"),
        ("control: {prefix: a.b}", "control.prefix: expected a text that matches ^[A-Za-z0-9_-]{1,64}$, got 'a.b'"),
        ("postgres: {url: localhost}", "postgres.url: expected an address such as postgresql://user:password@host"),
        ("redis: {brokerUrl: a, cacheUrl: b}", "redis.brokerUrl: expected an address such as redis://"),
        ("nats: {url: 'nats://a,b'}", "nats.url: expected an address such as nats://host:4222"),
        ("nats: {user: jane}", "nats: expected user and password together"),
        ("nats: {token: a, creds: b}", "nats: expected only one of user and password, token, or creds"),
        (
            "webhook: {responseRule: {statuses: [200, 20x]}}",
            "webhook.responseRule.statuses.1: expected a code such as 204 or a class such as 2xx, got '20x'",
        ),
        (
            "webhook: {responseRule: {statuses: [3xx]}}",
            "webhook.responseRule.statuses: expected neither 1xx nor 3xx, which",
        ),
        (
            "webhook: {responseRule: {bodySchema: {properties: {a: {$ref: '#'}}}}}",
            "webhook.responseRule.bodySchema: expected no $ref (a schema that refers to others could recurse until",
        ),
        (
            "webhook: {responseRule: {bodySchema: {properties: {a: {type: txt}}}}}",
            "webhook.responseRule.bodySchema: expected a JSON Schema, but at /properties/a/type",
        ),
        (
            "webhook: {responseRule: {pointer: status, equals: ok}}",
            "webhook.responseRule.pointer: expected a JSON pointer such as /status or /items/0/id",
        ),
        ("webhook: {responseRule: {equals: ok}}", "webhook.responseRule: expected pointer with equals"),
        (
            "webhook: {responseRule: {finalStatuses: [2xx]}}",
            "webhook.responseRule: expected no status in both statuses and finalStatuses, but 200 is",
        ),
        (
            "webhook: {responseRule: {status: [200]}}",
            "webhook.responseRule.status: unknown key; did you mean",
        ),
        ("webhook: {secret: hunter2}", "webhook.secret: expected a secret that starts with whsec_"),
    ],
)
def test_a_mistake_is_told_in_the_words_of_the_file(config: Path, text: str, said: str) -> None:
    config.write_text(text)
    assert refusal(config).startswith(f"{config}: {said}")


@pytest.mark.parametrize(
    "text",
    [
        "postgres: {url: 'host=a password=hunter2'}",
        "redis: {brokerUrl: ':hunter2', cacheUrl: ':hunter2/1'}",
        "nats: {url: hunter2}",
        "webhook: {secret: whsec_hunter2}",
        "http: {apiKeys: [[hunter2]]}",
        "http: {apiKeys: hunter2}",
        "http: {apiKeys: [hunter2]}",
        "http: {apiKeys: [{secret: hunter2}]}",
        "http: {apiKeys: [{name: 'hunter2 !', secret: a-long-enough-secret, role: viewer}]}",
        "http: {apiKeys: [hunter2-hunter2-hunter2, hunter2-hunter2-hunter2]}",
    ],
)
def test_a_mistake_in_an_address_or_a_secret_does_not_show_it(config: Path, text: str) -> None:
    config.write_text(text)
    assert "hunter2" not in refusal(config)


def test_several_nats_servers_may_be_named(config: Path) -> None:
    config.write_text("nats: {url: 'nats://a:4222, tls://b'}\n")
    assert load_settings(config, {}).nats.url == "nats://a:4222, tls://b"


def test_a_response_rule_may_be_set_by_a_variable() -> None:
    rule = load_settings(
        None, {"SENDOFF_WEBHOOK__RESPONSE_RULE": "{statuses: [200, 202], pointer: /ok, equals: true}"}
    ).webhook.response_rule
    assert (rule.statuses, rule.pointer, rule.equals) == (("200", "202"), "/ok", True)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('http: {apiKeys: [""]}', "http.apiKeys.0.secret"),
        ('http: {apiKeys: ["                    "]}', "http.apiKeys.0.secret"),
        ("http: {apiKeys: [a-long-enough-secret, short]}", "http.apiKeys.1.secret"),
        ('http: {apiKeys: [{name: ci, secret: "", role: admin}]}', "http.apiKeys.0.secret"),
        ("http: {apiKeys: [{name: ci, secret: a-long-enough-secret}]}", "http.apiKeys.0"),
        ("http: {apiKeys: [a-long-enough-secret, a-long-enough-secret]}", "http.apiKeys"),
        ('webhook: {secret: ""}', "webhook.secret"),
        ("webhook: {secret: whsec_c2hvcnQ=}", "webhook.secret"),
        ('security: {encryptionKeys: [""]}', "security.encryptionKeys.0"),
        ('nats: {user: sendoff, password: ""}', "nats.password"),
        ('nats: {token: " "}', "nats.token"),
        ("nats: {url: 'nats://sendoff:@nats:4222'}", "nats.url"),
        ("nats: {url: 'nats://a:4222,nats://sendoff:@b:4222'}", "nats.url"),
        ("postgres: {url: 'postgresql://sendoff:@postgres/sendoff'}", "postgres.url"),
        ("postgres: {url: 'postgresql://postgres/sendoff?user=a&password='}", "postgres.url"),
        ("redis: {brokerUrl: 'redis://:@redis/0', cacheUrl: 'redis://:secret@redis/1'}", "redis.brokerUrl"),
        ("redis: {brokerUrl: 'redis://:secret@redis/0', cacheUrl: 'redis://:@redis/1'}", "redis.cacheUrl"),
    ],
)
def test_an_empty_or_short_secret_is_refused_wherever_it_stands(config: Path, text: str, path: str) -> None:
    config.write_text(text)
    assert refusal(config).startswith(f"{config}: {path}: expected ")


@pytest.mark.parametrize(
    "http", [{}, {"host": "::1"}, {"host": "localhost"}, {"host": "127.9.9.9"}, {"host": "0.0.0.0", "open": "anywhere"}]
)
def test_an_api_that_only_this_machine_reaches_or_that_says_so_may_be_open(http: dict[str, str]) -> None:
    require_closed_api(load_settings(None, variables(http)).http)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "example.org", "localhost.example.org"])
def test_an_api_that_others_reach_is_not_open_by_accident(config: Path, host: str) -> None:
    config.write_text(f"http: {{host: '{host}'}}")
    with pytest.raises(SettingsError, match=r"http\.apiKeys: expected a key"):
        require_closed_api(load_settings(config, {}).http)
    keys = {"api_keys": "[a-long-enough-secret]"}
    for closed in ({"open": "never"}, keys, {**keys, "open": "anywhere"}):
        settings = load_settings(config, variables(closed)).http
        require_closed_api(settings)
        assert settings.needs_key


def variables(http: dict[str, str]) -> dict[str, str]:
    return {f"SENDOFF_HTTP__{name.upper()}": value for name, value in http.items()}
