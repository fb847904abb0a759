"""Which servers the settings name as our own."""

from typing import Any

import pytest

from sendoff_config.settings import Settings
from sendoff_domain.webhook_url import is_trusted, parse_host_port
from sendoff_webhooks.client.own_servers import own_servers


def found(**settings: Any) -> set[str]:
    return {f"{host}:{port}" for host, port in own_servers(Settings.model_validate(settings))}


def test_the_api_is_one_even_if_nothing_is_configured() -> None:
    assert found() == {"127.0.0.1:8080"}
    assert found(http={"host": "", "port": 9, "open": "never"}) == {"0.0.0.0:9"}


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("postgresql://u:p@db/x", {"db:5432"}),
        ("postgresql://u:p@10.0.0.1:6432/x", {"10.0.0.1:6432"}),
        ("postgresql://u:p@a:1,b:2,c/x?target_session_attrs=read-write", {"a:1", "b:2", "c:5432"}),
        ("postgresql:///x?host=a,b&port=7", {"a:7", "b:7"}),
        ("postgresql://name/x?hostaddr=10.0.0.1", {"name:5432", "10.0.0.1:5432"}),
        ("postgresql://u@[::1]:5433/x", {"::1:5433"}),
        ("postgresql:///x?host=/var/run/postgresql", set()),
    ],
)
def test_each_host_of_postgresql_is_one(url: str, servers: set[str]) -> None:
    assert found(postgres={"url": url}) - {"127.0.0.1:8080"} == servers


def test_redis_nats_and_what_else_is_named_are_some() -> None:
    servers = found(
        redis={"brokerUrl": "redis://:p@r1/0", "cacheUrl": "rediss://u:p@r2:7000/1"},
        nats={"url": "nats://u:p@n1, tls://n2:4333"},
        security={"ownServers": ["grafana:3000", "[::1]:9090"]},
    )
    assert servers - {"127.0.0.1:8080"} == {
        *("r1:6379", "r2:7000", "n1:4222", "n1:8222", "n2:4333", "n2:8222", "grafana:3000", "::1:9090")
    }
    assert found(redis={"brokerUrl": "unix:///a?db=0", "cacheUrl": "unix:///a?db=1"}) == {"127.0.0.1:8080"}


@pytest.mark.parametrize("text", ["sample:9000", "10.0.0.1:80", "[::1]:9000", "Sample.Example:1", "sample.:9"])
def test_a_server_has_a_host_and_a_port(text: str) -> None:
    host, port = parse_host_port(text)
    assert is_trusted(f"https://{text}/x", [text])
    assert not is_trusted(f"http://{text.rpartition(':')[0]}:{port + 1}/", [text])
    assert host == host.lower()


@pytest.mark.parametrize(
    "text",
    [
        *("", "sample", "sample:", ":80", "sample:0", "sample:65536", "http://a:1", "a:1/x", "u@a:1", "a b:1"),
        *("[::1]", "[x]:1", "300.1.1.1:80"),
    ],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected a name or an address with a port"):
        parse_host_port(text)
    with pytest.raises(ValueError, match="expected a name or an address with a port"):
        Settings.model_validate({"security": {"ownServers": [text]}})


def test_a_trusted_webhook_need_not_be_on_an_allowed_port() -> None:
    security = {"allowedPorts": [443]}
    url = "http://127.0.0.1:9000/"
    Settings.model_validate({"webhook": {"url": url, "trusted": ["127.0.0.1:9000"]}, "security": security})
    with pytest.raises(ValueError, match="allowedPorts"):
        Settings.model_validate({"webhook": {"url": url, "trusted": ["127.0.0.1:9001"]}, "security": security})
