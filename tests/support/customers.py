"""Customers of a running API."""

from typing import Any

from support.api import Api

#: A name server may or may not know it: it passes either way.
NOWHERE = "https://webhook.invalid/hook"


async def create(api: Api, **fields: Any) -> dict[str, Any]:
    """A customer that was created; its document still has the secret."""
    reply = await api.post("/v1/customers", {"webhookUrl": NOWHERE, **fields})
    assert reply.status == 201, reply.body
    customer: dict[str, Any] = reply.json
    return customer


async def read(api: Api, customer_id: str) -> dict[str, Any]:
    """The customer as it is now."""
    reply = await api.get(f"/v1/customers/{customer_id}")
    assert reply.status == 200, reply.body
    customer: dict[str, Any] = reply.json
    return customer
