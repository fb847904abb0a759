"""`sendoff doctor` on healthy and on broken setups."""

import json
import resource
import secrets
import socket
from pathlib import Path
from typing import Any

import pytest

from sendoff_domain.encryption_key import format_encryption_key
from support.command_line import Running, invoke
from support.whole_sendoff import free_port

Addresses = dict[str, str]
FIRST, SECOND = (format_encryption_key(bytes([number]) * 32) for number in (1, 2))


def examine(folder: Path, *arguments: str | Path, **settings: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the findings by their check; one that failed wins over others of its check."""
    port = {"HTTP__PORT": str(free_port())}
    done = invoke("doctor", "--json", *arguments, folder=folder, **(port | settings))
    assert "Traceback" not in done.stderr
    report = json.loads(done.stdout)
    assert report["healthy"] is (done.returncode == 0)
    order = ("ok", "warn", "fail")
    findings = sorted(report["findings"], key=lambda one: order.index(one["level"]))
    return done.returncode, {finding["check"]: finding for finding in findings}


@pytest.fixture
def healthy(sendoff_database: str, addresses: Addresses) -> Addresses:
    """Settings with which nothing is wrong."""
    return {
        **addresses,
        "POSTGRES__URL": sendoff_database,
        "WEBHOOK__URL": "http://127.0.0.1:9000/",
        "SECURITY__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
        "SECURITY__ENCRYPTION_KEYS": f"[{FIRST}]",
        "CONTROL__PREFIX": f"test-{secrets.token_hex(4)}",
    }


def migrated(folder: Path, settings: Addresses, *options: str) -> str:
    """What `sendoff migrate` says."""
    done = invoke("migrate", *options, folder=folder, **settings)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_healthy_setup_is_all_ok(healthy: Addresses, folder: Path) -> None:
    assert "sealed anew with the first encryption key: 1" in migrated(folder, healthy, "--seal-plain")
    code, found = examine(folder, **healthy)
    assert {one["level"] for one in found.values()} == {"ok"}, found
    assert code == 0
    assert set(found) == {
        *("python", "config", "open files", "access", "postgres", "migrations", "clock"),
        *("redis broker", "redis cache", "redis databases", "nats", "webhook", "port", "encryption", "signing keys"),
    }


def test_a_fresh_machine_only_lacks_a_webhook(folder: Path) -> None:
    code, found = examine(folder)
    assert code == 0
    assert {check for check, one in found.items() if one["level"] == "warn"} == {"webhook"}
    assert found["postgres"]["detail"] == "has no address: `sendoff up` starts it embedded"


@pytest.mark.parametrize(
    ("hard", "settings", "advice"),
    [
        (1024, {}, None),
        (1024, {"SCHEDULER__MAX_CONCURRENT": "2000"}, "scheduler.maxConcurrent"),
        (500, {}, "http.maxConnections"),
        (resource.RLIM_INFINITY, {"SCHEDULER__MAX_CONCURRENT": "100000"}, None),
    ],
)
def test_a_limit_of_open_files_below_what_is_configured_is_found(
    folder: Path, hard: int, settings: dict[str, str], advice: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, hard))
    _, found = examine(folder, WORKERS__PROCESSES="1", **{"HTTP__MAX_CONNECTIONS": "900", **settings})
    assert found["open files"]["level"] == ("warn" if advice else "ok")
    assert (advice or "") in str(found["open files"]["advice"])


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({}, "ok"),
        ({"HTTP__HOST": "0.0.0.0"}, "fail"),
        ({"HTTP__HOST": "0.0.0.0", "HTTP__OPEN": "anywhere"}, "warn"),
        ({"HTTP__HOST": "0.0.0.0", "HTTP__OPEN": "never"}, "ok"),
        ({"HTTP__HOST": "0.0.0.0", "HTTP__API_KEYS": "[a-secret-of-the-test]"}, "ok"),
    ],
)
def test_an_api_that_others_may_use_without_a_key_is_found(folder: Path, settings: dict[str, str], level: str) -> None:
    _, found = examine(folder, **settings)
    assert found["access"]["level"] == level
    assert "a-secret-of-the-test" not in json.dumps(found)


def test_a_running_sendoff_is_recognized(up: Running, folder: Path) -> None:
    code, found = examine(folder, "--data", up.data, HTTP__PORT=str(up.port))
    assert code == 0
    assert found["port"]["detail"].endswith("is in use by Sendoff")
    assert found["postgres"]["detail"].startswith("PostgreSQL 18")
    assert found["nats"]["detail"].startswith("NATS 2.")


def test_an_unmigrated_database_is_a_warning(database: str, healthy: Addresses, folder: Path) -> None:
    code, found = examine(folder, **(healthy | {"POSTGRES__URL": database}))
    assert code == 0
    assert (found["migrations"]["level"], found["migrations"]["advice"]) == ("warn", "run `sendoff migrate`")


def test_a_server_that_takes_no_writes_is_a_failure(healthy: Addresses, folder: Path) -> None:
    migrated(folder, healthy)
    url = f"{healthy['POSTGRES__URL']}?options=-c%20default_transaction_read_only%3Don"
    code, found = examine(folder, **{**healthy, "POSTGRES__URL": url})
    assert code != 0
    assert (found["postgres"]["level"], "takes no writes" in found["postgres"]["detail"]) == ("fail", True)


def test_without_an_encryption_key_somebody_is_warned(healthy: Addresses, folder: Path) -> None:
    code, found = examine(folder, **(healthy | {"SECURITY__ENCRYPTION_KEYS": "[]"}))
    assert code == 0
    assert {check for check, one in found.items() if one["level"] == "warn"} == {"encryption"}
    assert "openssl rand -base64 32" in found["encryption"]["advice"]


def test_keys_that_are_not_sealed_with_the_first_encryption_key_are_a_warning_until_the_migration(
    healthy: Addresses, folder: Path
) -> None:
    migrated(folder, healthy, "--seal-plain")
    settings = healthy | {"SECURITY__ENCRYPTION_KEYS": f"[{SECOND}, {FIRST}]"}
    code, found = examine(folder, **settings)
    assert code == 0
    assert (found["signing keys"]["level"], found["signing keys"]["advice"]) == ("warn", "run `sendoff migrate`")
    migrated(folder, settings)
    assert examine(folder, **settings)[1]["signing keys"]["level"] == "ok"


def test_plain_keys_beside_an_encryption_key_are_a_failure_until_they_are_to_be_sealed(
    healthy: Addresses, folder: Path
) -> None:
    assert "customer default is stored plain: run `sendoff migrate --seal-plain`" in migrated(folder, healthy)
    code, found = examine(folder, **healthy)
    assert code == 1
    assert found["signing keys"]["level"] == "fail"
    assert "--seal-plain" in found["signing keys"]["advice"]
    migrated(folder, healthy, "--seal-plain")
    assert examine(folder, **healthy)[1]["signing keys"]["level"] == "ok"


def test_keys_that_do_not_open_are_a_failure_and_the_migration_says_so(healthy: Addresses, folder: Path) -> None:
    migrated(folder, healthy, "--seal-plain")
    other = healthy | {"SECURITY__ENCRYPTION_KEYS": f"[{SECOND}]"}
    said = migrated(folder, other)
    assert "so that the messages of their customers are held: 1" in said
    assert "customer default was sealed with the encryption key" in said
    code, found = examine(folder, **other)
    assert code == 1
    assert found["signing keys"]["detail"].startswith("1 secret(s) do not open")
    assert not any(key in said + json.dumps(found) for key in (FIRST, SECOND))


def test_every_server_that_is_away_is_named_and_no_password_is_shown(healthy: Addresses, folder: Path) -> None:
    port = free_port()
    away = {
        "POSTGRES__URL": f"postgresql://jane:hunter2@127.0.0.1:{port}/x",
        "REDIS__BROKER_URL": f"redis://:hunter2@127.0.0.1:{port}/0",
        "REDIS__CACHE_URL": f"redis://:hunter2@127.0.0.1:{port}/1",
        "NATS__URL": f"nats://jane:hunter2@127.0.0.1:{port}",
    }
    code, found = examine(folder, **(healthy | away))
    assert code == 1
    assert {check for check, one in found.items() if one["level"] == "fail"} == {
        "postgres",
        "redis broker",
        "redis cache",
    }
    assert found["nats"]["level"] == "warn"
    assert "hunter2" not in json.dumps(found)


def test_of_several_nats_servers_the_one_that_is_away_is_named(healthy: Addresses, folder: Path) -> None:
    port, running = free_port(), healthy["NATS__URL"]
    for url, level, says in (
        (f"{running}, {running}", "ok", "2 of 2 servers will do"),
        (f"{running},nats://jane:hunter2@127.0.0.1:{port}", "warn", f"1 of 2 servers will do; 127.0.0.1:{port}: does"),
    ):
        _, found = examine(folder, **(healthy | {"NATS__URL": url}))
        assert found["nats"]["level"] == level
        assert found["nats"]["detail"].startswith(says)
        assert "hunter2" not in json.dumps(found)


def test_wrong_passwords_are_told_from_servers_that_are_away(healthy: Addresses, folder: Path) -> None:
    wrong = {
        key: f"{url.split('://')[0]}://jane:hunter2@{url.rpartition('@')[2]}"
        for key, url in healthy.items()
        if "@" in url
    }
    _, found = examine(folder, **(healthy | wrong))
    assert "password authentication failed" in found["postgres"]["detail"]
    assert found["redis broker"]["detail"].startswith("refuses us")
    assert "Authorization Violation" in found["nats"]["detail"]
    assert "hunter2" not in json.dumps(found)


def test_one_redis_database_for_both_is_found_however_it_is_written(healthy: Addresses, folder: Path) -> None:
    same = healthy["REDIS__BROKER_URL"] + "?socket_keepalive=true"
    code, found = examine(folder, **(healthy | {"REDIS__CACHE_URL": same}))
    assert code == 1
    assert found["redis databases"]["level"] == "fail"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://10.0.0.1/hook", "10.0.0.1, which is not public"),
        ("http://nowhere.invalid/hook", "nowhere.invalid has no address"),
    ],
)
def test_a_webhook_that_can_not_be_called_is_a_failure(healthy: Addresses, folder: Path, url: str, said: str) -> None:
    code, found = examine(folder, **(healthy | {"WEBHOOK__URL": url}))
    assert code == 1
    assert said in found["webhook"]["detail"]


def test_a_port_that_another_program_has_is_a_failure(healthy: Addresses, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = healthy | {"HTTP__PORT": str(other.getsockname()[1])}
        other.listen()
        code, found = examine(folder, **settings)
    assert code == 1
    assert found["port"]["detail"].endswith("is in use by another program")


def test_a_wrong_configuration_is_a_failure_with_its_path(folder: Path) -> None:
    (folder / "config.yaml").write_text("scheduler: {batchSize: many}\n")
    code, found = examine(folder)
    assert code == 1
    assert "config.yaml: scheduler.batchSize: expected a valid integer" in found["config"]["detail"]


def test_the_report_for_people_says_what_to_do(folder: Path) -> None:
    done = invoke("doctor", folder=folder, HTTP__PORT=str(free_port()))
    assert done.returncode == 0
    assert "-> set webhook.url" in done.stdout
