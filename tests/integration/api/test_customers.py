"""Customers over HTTP: created, read, listed and deleted."""

import re
from typing import Any

import pytest

from support.api import Api
from support.customers import NOWHERE, create, read
from support.places import bury, deliver, retry_later

WHOLE: dict[str, Any] = {
    "id": "acme",
    "name": "Acme Ltd",
    "description": "Parcels of the north.\nAsk for Ada.",
    "webhookUrl": NOWHERE,
    "headers": {"X-Team": "parcels", "Authorization": "Bearer tell-nobody"},
    "timeout": "90s",
    "connectTimeout": "250ms",
    "retry": {"waits": ["1s", "2m"], "jitter": 0.5},
    "responseRule": {"statuses": ["200"]},
    "limits": {"rate": 50, "per": "1m", "concurrency": 7, "backlog": 9},
    "breaker": {"enabled": False},
}


async def test_a_customer_is_created_with_all_that_was_said_of_it(api: Api) -> None:
    reply = await api.post("/v1/customers", WHOLE)
    assert reply.status == 201
    assert (reply.headers["Location"], reply.headers["ETag"]) == ("/v1/customers/acme", '"1"')
    customer = reply.json
    assert {key: customer[key] for key in WHOLE if key not in ("headers", "timeout", "responseRule", "breaker")} == {
        key: WHOLE[key] for key in WHOLE if key not in ("headers", "timeout", "responseRule", "breaker")
    }
    assert customer["timeout"] == "1m30s"
    assert customer["responseRule"]["statuses"] == ["200"]
    assert (customer["breaker"]["enabled"], customer["breaker"]["minimum"]) == (False, 10)
    assert (customer["paused"], customer["pauseReason"], customer["pausedAt"]) == (False, None, None)
    assert customer["version"] == 1
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", customer.pop("secret"))
    assert await read(api, "acme") == customer


async def test_a_webhook_is_all_that_is_needed(api: Api) -> None:
    customer = await create(api)
    assert re.fullmatch("cus_[0-9a-f]{24}", customer["id"])
    assert customer["name"] == customer["id"]
    assert (customer["timeout"], customer["connectTimeout"], customer["headers"]) == ("15s", "5s", {})
    assert customer["retry"] == {"attempts": 8, "first": "5s", "factor": 3.0, "max": "6h", "jitter": 0.1}
    assert customer["limits"] == {"rate": None, "per": "1s", "concurrency": None, "backlog": None}
    assert (await create(api))["id"] != customer["id"]


async def test_null_means_the_default(api: Api) -> None:
    nothing = {"id": None, "name": None, "headers": None, "timeout": None, "retry": None, "secret": None}
    customer = await create(api, **nothing, limits={"rate": None}, breaker={"window": None})
    assert (customer["timeout"], customer["retry"]["attempts"], customer["limits"]["rate"]) == ("15s", 8, None)


async def test_a_secret_may_be_brought_along_and_is_shown_once(api: Api) -> None:
    secret = "whsec_" + "QUJD" * 10
    assert (await create(api, id="acme", secret=secret))["secret"] == secret
    assert "QUJD" not in (await api.get("/v1/customers/acme")).body.decode()
    assert "QUJD" not in (await api.get("/v1/customers")).body.decode()


async def test_an_id_is_taken_once(api: Api) -> None:
    first = await create(api, id="acme", name="first")
    reply = await api.post("/v1/customers", {"id": "acme", "webhookUrl": NOWHERE, "name": "second"})
    assert (reply.status, reply.json["code"]) == (409, "customer_exists")
    assert (await read(api, "acme"))["name"] == first["name"]
    assert await api.scalar("SELECT count(*) FROM customer_secrets WHERE customer_id = 'acme'") == 1


NOT_ALLOWED: list[tuple[dict[str, Any], str, str]] = [
    ({"webhookUrl": None}, "/webhookUrl", "is required"),
    ({"webhookUrl": "ftp://example.org"}, "/webhookUrl", "http"),
    ({"webhookUrl": "https://u:p@example.org"}, "/webhookUrl", "without user"),
    ({"id": "global"}, "/id", "another id than global"),
    ({"id": ""}, "/id", "1 to 64 letters, digits, - and _"),
    ({"id": "a b"}, "/id", "1 to 64 letters, digits, - and _"),
    ({"id": "x" * 65}, "/id", "1 to 64 letters, digits, - and _"),
    ({"id": "acme\n"}, "/id", "1 to 64 letters, digits, - and _"),
    ({"name": ""}, "/name", "at least 1"),
    ({"name": "a\u0000b"}, "/name", "without control characters"),
    ({"description": "x" * 501}, "/description", "at most 500"),
    ({"description": "a\u0000b"}, "/description", "without the null character"),
    ({"headers": {"Host": "x"}}, "/headers", "another name than Host"),
    ({"headers": {"x y": "x"}}, "/headers", "a header's name"),
    ({"headers": {"x-a": "1", "X-A": "2"}}, "/headers", "twice"),
    ({"headers": {"x-a": "tell\nnobody"}}, "/headers/x-a", "printable ASCII"),
    ({"headers": {"x-a": 1}}, "/headers/x-a", "string"),
    ({"headers": {"Authorization": "***"}}, "/headers", "only how it is shown"),
    ({"headers": []}, "/headers", "dictionary"),
    ({"timeout": "0s"}, "/timeout", "longer than zero"),
    ({"timeout": "1h"}, "/timeout", "between 1ms and 5m"),
    ({"connectTimeout": "1us"}, "/connectTimeout", "between 1ms and 5m"),
    ({"connectTimeout": 5}, "/connectTimeout", "duration"),
    ({"retry": {"attempts": 0}}, "/retry/attempts", "greater than or equal to 1"),
    ({"retry": {"waits": ["1s"], "attempts": 2}}, "/retry", "not both"),
    ({"retry": {"first": "soon"}}, "/retry/first", "duration"),
    ({"limits": {"rate": 0}}, "/limits/rate", "greater than or equal to 1"),
    ({"limits": {"per": "8d"}}, "/limits", "between 1ms and 7d"),
    ({"limits": {"rat": 5}}, "/limits/rat", "did you mean rate?"),
    ({"breaker": {"failureRate": 2}}, "/breaker/failureRate", "less than or equal to 1"),
    ({"responseRule": {"nonsense": 1}}, "/responseRule/nonsense", "is not known"),
    ({"responseRule": {"bodySchema": {"const": "\u0000"}}}, "/responseRule/bodySchema", "null characters"),
    ({"secret": "tell-nobody"}, "/secret", "starts with whsec_"),
    ({"secret": "whsec_" + "QUJD" * 2}, "/secret", "24 to 64 bytes"),
    ({"paused": True}, "/paused", "is not known"),
    ({"webhokUrl": NOWHERE}, "/webhokUrl", "did you mean webhookUrl?"),
]


async def test_what_is_not_allowed_is_named_and_never_quoted_if_it_is_secret(
    api: Api, subtests: pytest.Subtests
) -> None:
    for fields, pointer, says in NOT_ALLOWED:
        with subtests.test(fields=str(fields)[:60]):
            reply = await api.post("/v1/customers", {"webhookUrl": NOWHERE, **fields})
            assert (reply.status, reply.json["code"]) == (422, "invalid"), reply.body
            assert reply.pointers == [pointer]
            assert says in reply.json["errors"][0]["detail"]
            assert "nobody" not in reply.body.decode()
    assert await api.count("customers") == 1


async def test_a_body_that_is_no_object_is_refused(api: Api) -> None:
    documents: tuple[Any, ...] = ([], "x", 5)
    for document in documents:
        assert (await api.post("/v1/customers", document)).status == 422
    assert (await api.post("/v1/customers", data=b"{", headers={"Content-Type": "application/json"})).status == 400
    assert (await api.post("/v1/customers", data=b"{}", headers={"Content-Type": "text/plain"})).status == 415


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost:8080/x", "http://[::1]/", "http://10.1.2.3/", "http://169.254.169.254/"],
)
async def test_a_webhook_at_a_private_address_is_refused(api: Api, url: str) -> None:
    reply = await api.post("/v1/customers", {"webhookUrl": url})
    assert (reply.status, reply.pointers) == (422, ["/webhookUrl"])
    assert "security.allowedNetworks" in reply.json["detail"]
    await create(api, id="acme")
    reply = await api.call("PATCH", "/v1/customers/acme", json={"webhookUrl": url})
    assert (reply.status, reply.pointers) == (422, ["/webhookUrl"])
    assert (await read(api, "acme"))["webhookUrl"] == NOWHERE


async def test_customers_are_listed_page_by_page(api: Api) -> None:
    for number in range(5):
        await create(api, id=f"c{number}", headers={"x-token": "tell-nobody"})
    seen: list[str] = []
    cursor = ""
    while True:
        page = await api.get(f"/v1/customers?limit=2{cursor}")
        assert "nobody" not in page.body.decode()
        assert "secret" not in page.body.decode()
        seen += [one["id"] for one in page.json["data"]]
        if page.json["nextCursor"] is None:
            break
        cursor = f"&cursor={page.json['nextCursor']}"
    assert seen == ["c0", "c1", "c2", "c3", "c4", "default"]


async def test_the_paused_and_the_others_can_be_listed(api: Api) -> None:
    for name in ("a", "b", "c"):
        await create(api, id=name)
    await api.post("/v1/customers/b/pause")
    for query, wanted in (("true", ["b"]), ("false", ["a", "c", "default"])):
        data = (await api.get(f"/v1/customers?paused={query}")).json["data"]
        assert [one["id"] for one in data] == wanted


@pytest.mark.parametrize("query", ["limit=0", "limit=251", "cursor=x", "cursor=Y2E6Yg", "paused=maybe", "name=x"])
async def test_a_bad_query_is_refused(api: Api, query: str) -> None:
    reply = await api.get(f"/v1/customers?{query}")
    assert (reply.status, reply.pointers) == (422, [f"?{query.partition('=')[0]}"])


NAMES = ["nobody", "a%20b", "x" * 65, "%00", "global"]
USES = [("GET", ""), ("PATCH", ""), ("DELETE", ""), *(("POST", f"/{verb}") for verb in ("pause", "resume", "test"))]


async def test_a_customer_that_does_not_exist_is_not_found(api: Api, subtests: pytest.Subtests) -> None:
    for name in NAMES:
        for method, suffix in [*USES, ("POST", "/rotate-secret")]:
            with subtests.test(method=method, path=name + suffix):
                body: dict[str, Any] | None = {} if method == "PATCH" else None
                reply = await api.call(method, f"/v1/customers/{name}{suffix}", json=body)
                assert (reply.status, reply.json["code"]) == (404, "customer_not_found")
    assert await api.count("control_state") == 1


async def test_a_deleted_customer_is_gone_with_its_keys_and_its_pause(api: Api) -> None:
    await create(api, id="acme")
    await api.post("/v1/customers/acme/pause")
    reply = await api.call("DELETE", "/v1/customers/acme")
    assert (reply.status, reply.body) == (204, b"")
    assert (await api.get("/v1/customers/acme")).status == 404
    assert (await api.call("DELETE", "/v1/customers/acme")).status == 404
    assert await api.scalar("SELECT count(*) FROM customer_secrets WHERE customer_id = 'acme'") == 0
    assert (await create(api, id="acme"))["paused"] is False
    assert (await api.post("/v1/messages", {"to": "a", "content": "b", "customer": "acme"})).status == 202


async def test_a_customer_with_messages_on_their_way_stays(api: Api) -> None:
    await create(api, id="acme")
    waiting = [await api.create(customer="acme", delay="1h") for _ in range(2)]
    retried = await api.create(customer="acme")
    await retry_later(api.db, retried)
    await api.create()
    reply = await api.call("DELETE", "/v1/customers/acme")
    assert (reply.status, reply.json["code"]) == (409, "customer_in_use")
    assert (reply.json["due"], reply.json["retries"]) == (2, 1)
    assert (await read(api, "acme"))["id"] == "acme"
    for message in (*waiting, retried):
        await api.call("DELETE", f"/v1/messages/{message['id']}")
    assert (await api.call("DELETE", "/v1/customers/acme")).status == 204


async def test_what_was_sent_and_what_is_dead_outlives_its_customer(api: Api) -> None:
    await create(api, id="acme")
    sent, dead = await api.create(customer="acme"), await api.create(customer="acme")
    await deliver(api.db, sent)
    await bury(api.db, dead)
    assert (await api.call("DELETE", "/v1/customers/acme")).status == 204
    for message, status in ((sent, "sent"), (dead, "dead")):
        assert (await api.get(f"/v1/messages/{message['id']}")).json["status"] == status


async def test_the_default_customer_stays(api: Api) -> None:
    reply = await api.call("DELETE", "/v1/customers/default")
    assert (reply.status, reply.json["code"]) == (409, "customer_configured")


async def test_messages_are_accepted_for_customers_that_exist(api: Api) -> None:
    message = {"to": "a", "content": "b", "customer": "acme"}
    assert (await api.post("/v1/messages", message)).status == 422
    await create(api, id="acme")
    assert (await api.post("/v1/messages", message)).status == 202
