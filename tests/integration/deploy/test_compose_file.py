"""What docker-compose.yml promises."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sendoff_cli.processes import worker_processes
from sendoff_config.loading import load_settings
from sendoff_domain.times import parse_duration

ROOT = Path(__file__).parents[3]
SERVICES = {
    *("messaging-app", "migrate", "gateway", "sample-webhook", "postgres", "pgbouncer"),
    *("redis", "nats", "prometheus", "grafana"),
}


def test_docker_compose_accepts_it(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES


def test_the_app_can_be_scaled(compose: dict[str, Any]) -> None:
    app = compose["services"]["messaging-app"]
    assert not {"container_name", "ports", "hostname"} & set(app)


def test_only_the_gateway_takes_port_8080(compose: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert ports["gateway"] == ["127.0.0.1:8080:8080/tcp"]
    assert set(ports) == {"gateway", "prometheus", "grafana"}
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


@pytest.mark.parametrize("service", ["messaging-app", "migrate"])
def test_its_settings_are_settings(compose: dict[str, Any], service: str) -> None:
    settings = load_settings(ROOT / "config.yaml", compose["services"][service]["environment"])
    assert settings.postgres.url is not None
    assert settings.redis.broker_url is not None
    assert settings.nats.url is not None
    assert settings.webhook.url is not None


def test_the_ingest_and_the_events_are_switched_on_by_the_environment(compose_with: Callable[..., Any]) -> None:
    on = {"SENDOFF_INGEST__ENABLED": "true", "SENDOFF_EVENTS__ENABLED": "true"}
    for given, expected in (({}, False), (on, True)):
        environment = compose_with(**given)["services"]["messaging-app"]["environment"]
        settings = load_settings(ROOT / "config.yaml", environment)
        assert (settings.ingest.enabled, settings.events.enabled) == (expected, expected)


def test_the_app_goes_through_pgbouncer_and_the_migration_does_not(compose: dict[str, Any]) -> None:
    urls = {
        name: compose["services"][name]["environment"]["SENDOFF_POSTGRES__URL"] for name in ("messaging-app", "migrate")
    }
    assert "@pgbouncer:6432/" in urls["messaging-app"]
    assert "@postgres:5432/" in urls["migrate"]
    pooler = compose["services"]["pgbouncer"]["environment"]
    assert (pooler["POOL_MODE"], pooler["LISTEN_PORT"]) == ("transaction", "6432")


def test_the_app_starts_on_a_migrated_database_with_all_servers_up(compose: dict[str, Any]) -> None:
    waits = {name: wait["condition"] for name, wait in compose["services"]["messaging-app"]["depends_on"].items()}
    assert waits.pop("migrate") == "service_completed_successfully"
    assert waits == dict.fromkeys(("pgbouncer", "redis", "nats"), "service_healthy")


def test_a_container_has_time_for_all_that_its_workers_wait_for(compose: dict[str, Any]) -> None:
    app = compose["services"]["messaging-app"]
    settings = load_settings(ROOT / "config.yaml", app["environment"])
    needed = max(process.patience for process in worker_processes(settings, {}))
    needed += settings.http.shutdown_delay.total_seconds()
    given = parse_duration(app["stop_grace_period"])
    assert given.total_seconds() >= needed


def test_redis_forgets_nothing_and_nats_has_jetstream(compose: dict[str, Any]) -> None:
    redis = " ".join(compose["services"]["redis"]["command"])
    assert "--appendonly yes" in redis
    assert "--maxmemory-policy noeviction" in redis
    assert "jetstream {" in (ROOT / "deploy" / "nats" / "nats.conf").read_text()


def test_everything_that_others_wait_for_has_a_health_check(compose: dict[str, Any]) -> None:
    services = compose["services"]
    image_checks = "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in services[name] or (name == "messaging-app" and image_checks)


def test_every_image_of_others_has_a_version(compose: dict[str, Any]) -> None:
    images = {service["image"] for service in compose["services"].values() if "build" not in service}
    assert [image for image in images if not re.search(r":v?\d", image)] == []


def test_every_file_that_is_mounted_exists(compose: dict[str, Any]) -> None:
    mounts = [volume for service in compose["services"].values() for volume in service.get("volumes", [])]
    files = [Path(mount.split(":")[0]) for mount in mounts if mount.startswith("/")]
    assert files
    assert [file for file in files if not file.exists()] == []


def test_the_gateway_follows_the_replicas() -> None:
    config = (ROOT / "deploy" / "gateway" / "nginx.conf").read_text()
    assert "resolver 127.0.0.11" in config
    assert re.search(r"server messaging-app:8080 resolve", config)


def test_prometheus_and_grafana_know_where_to_look(compose: dict[str, Any]) -> None:
    prometheus = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    (job,) = prometheus["scrape_configs"]
    assert job["dns_sd_configs"][0]["names"] == ["messaging-app"]
    provisioning = ROOT / "deploy" / "grafana" / "provisioning" / "datasources" / "prometheus.yaml"
    (source,) = yaml.safe_load(provisioning.read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in compose["services"]
    assert prometheus["rule_files"] == ["alerts.yml"]
    (provider,) = yaml.safe_load((provisioning.parents[1] / "dashboards" / "sendoff.yaml").read_text())["providers"]
    for service, inside in (("prometheus", "/etc/prometheus/alerts.yml"), ("grafana", provider["options"]["path"])):
        assert f":{inside}:ro" in " ".join(map(str, compose["services"][service]["volumes"]))
