"""Breakers and pauses as a customer's document and the metrics show them."""

import pytest

from support.api import Api
from support.customers import create, read

OPEN = b"INSERT INTO breakers (customer_id, opened_at, probe_at) VALUES ('acme', now(), now() + interval '5 s')"


async def test_a_customers_document_shows_its_breaker(api: Api) -> None:
    customer = await create(api, id="acme")
    assert (customer["breakerState"], customer["breakerOpenedAt"], customer["nextProbeAt"]) == ("closed", None, None)
    await api.db.execute(OPEN)
    customer = await read(api, "acme")
    assert customer["breakerState"] == "open"
    assert customer["nextProbeAt"] > customer["breakerOpenedAt"]
    assert (await api.get("/v1/customers")).json["data"][0]["breakerState"] == "open"


async def test_a_breaker_that_is_switched_off_counts_as_closed(api: Api) -> None:
    await create(api, id="acme", breaker={"enabled": False})
    await api.db.execute(OPEN)
    assert (await read(api, "acme"))["breakerState"] == "closed"
    assert 'sendoff_breaker_open{customer="acme"}' not in (await api.get("/metrics")).body.decode()


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        (OPEN, 'sendoff_breaker_open{customer="acme"} 1.0'),
        (
            b"INSERT INTO control_state (scope, desired) VALUES ('acme', 'stopped')",
            'sendoff_customer_paused{customer="acme"} 1.0',
        ),
    ],
)
async def test_the_metrics_name_customers_in_trouble(api: Api, statement: bytes, line: str) -> None:
    await create(api, id="acme")
    assert line not in (await api.get("/metrics")).body.decode()
    await api.db.execute(statement)
    assert line in (await api.get("/metrics")).body.decode()
