"""GET /v1/messages?metadata.KEY=VALUE: found by what goes along, and how far the search came."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from support.api import Api
from support.places import bury, deliver, retry_later

#: Keys and values in which JSON, LIKE or a URL has something to say.
ODD = ["", "a.b", "a b", 'a"b', "a\\b", "100%", "a_b", "ü", "😀", "a\nb", "\x00", "\x7f", "a/b~1", "null", "a=b&c"]


async def found(api: Api, **members: str) -> list[str]:
    """The recipients on the one page that there is."""
    reply = await api.get("/v1/messages", params={f"metadata.{key}": value for key, value in members.items()})
    assert (reply.status, reply.json["nextCursor"], reply.json["searchedTo"]) == (200, None, None)
    return [message["to"] for message in reply.json["data"]]


async def test_a_message_is_found_by_its_metadata_and_by_nothing_else(api: Api) -> None:
    await api.create(to="first", metadata={"orderId": "123", "kind": "invoice"})
    await api.create(to="second", metadata={"orderId": "123"})
    await api.create(to="longer", metadata={"orderId": "1234", "XorderId": "123"})
    await api.create(to='"orderId":"123"', content={"metadata": {"orderId": "123"}, "orderId": "123"})
    await api.create(to="in a text", content='{"orderId":"123"}', metadata={"orderid": "123"})
    assert await found(api, orderId="123") == ["second", "first"]
    assert await found(api, orderId="123", kind="invoice") == ["first"]
    assert await found(api, orderId="123", kind="order") == []
    assert await found(api, orderId="12") == []


async def test_any_key_and_value_is_found_as_it_was_given(api: Api) -> None:
    for index, text in enumerate(ODD):
        await api.create(to=f"key {index}", metadata={text: "x", "more": "y"})
        await api.create(to=f"value {index}", metadata={"k": text})
    for index, text in enumerate(ODD):
        assert await found(api, **{text: "x"}) == [f"key {index}"], text
        assert await found(api, k=text) == [f"value {index}"], text


async def test_it_is_found_wherever_it_is_and_beside_other_filters(api: Api, subtests: pytest.Subtests) -> None:
    await api.post("/v1/customers", {"id": "acme", "webhookUrl": "https://93.184.216.34/"})
    await api.create(to="a", metadata={"k": "v"}, reference="r1")
    await api.create(to="b", metadata={"k": "v"}, customer="acme")
    await api.create(to="none", metadata={"k": "w"}, reference="r1")
    for move in (deliver, bury, retry_later):
        await move(api.db, await api.create(to=move.__name__, metadata={"k": "v"}))
        await move(api.db, await api.create(to="other"))
    await api.call("DELETE", f"/v1/messages/{(await api.create(to='gone', metadata={'k': 'v'}))['id']}")
    queries: dict[str, Any] = {
        "to=a": ["a"],
        "reference=r1": ["a"],
        "customer=acme": ["b"],
        "status=sent": ["deliver"],
        "status=dead": ["bury"],
        "status=retrying": ["retry_later"],
        "status=cancelled": ["gone"],
        "status=scheduled": ["b", "a"],
        "sentAfter=2020-01-01T00:00:00Z": ["deliver"],
        "createdAfter=2042-01-01T00:00:00Z": [],
    }
    for query, wanted in queries.items():
        with subtests.test(query=query):
            data = (await api.get(f"/v1/messages?metadata.k=v&{query}")).json["data"]
            assert [message["to"] for message in data] == wanted


async def test_a_search_that_is_not_at_its_end_says_how_far_it_came(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendoff_http.messages.search._SEARCHED_PAYLOADS", 7)
    monkeypatch.setattr("sendoff_http.messages.search._BUDGET_SECONDS", 0.0)
    monkeypatch.setattr("sendoff_http.messages.search._SEARCH_BUDGET_SECONDS", 0.0)
    wanted = await api.create(to="wanted", metadata={"k": "v"})
    created = [(await api.create(metadata={"k": "w"}))["createdAt"] for _ in range(20)][::-1]
    page = (await api.get("/v1/messages?metadata.k=v")).json
    assert (page["data"], page["searchedTo"]) == ([], created[6])
    page = (await api.get(f"/v1/messages?metadata.k=v&cursor={page['nextCursor']}")).json
    assert (page["data"], page["searchedTo"]) == ([], created[13])
    page = (await api.get(f"/v1/messages?metadata.k=v&cursor={page['nextCursor']}")).json
    assert ([message["id"] for message in page["data"]], page["searchedTo"]) == ([wanted["id"]], wanted["createdAt"])
    page = (await api.get(f"/v1/messages?metadata.k=v&cursor={page['nextCursor']}")).json
    assert page == {"data": [], "nextCursor": None, "searchedTo": None}


async def test_what_cannot_be_looked_for_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for query, pointer in {
        "metadata=x": "?metadata",
        "metadata.k=a&metadata.k=b": "?metadata.k",
        "metadata." + "k" * 129 + "=a": "?metadata",
        "metadata.k=" + "x" * 513: "?metadata",
        "&".join(f"metadata.k{number}=x" for number in range(6)): "?metadata",
        "metadataX.k=1": "?metadataX.k",
        "status.k=1": "?status.k",
    }.items():
        with subtests.test(query=query[:40]):
            reply = await api.get(f"/v1/messages?{query}")
            assert (reply.status, reply.pointers) == (422, [pointer])
    assert (await api.get("/v1/dead-letters?metadata.k=v")).pointers == ["?metadata.k"]


async def test_pages_go_on_among_messages_of_the_same_metadata(api: Api) -> None:
    for number in range(5):
        await api.create(to=f"n{number}", metadata={"k": "v"})
    first = (await api.get("/v1/messages?metadata.k=v&limit=2")).json
    assert [message["to"] for message in first["data"]] == ["n4", "n3"]
    assert datetime.fromisoformat(first["searchedTo"]) - datetime.fromisoformat(
        first["data"][-1]["createdAt"]
    ) == timedelta(0)
    second = (await api.get(f"/v1/messages?metadata.k=v&limit=2&cursor={first['nextCursor']}")).json
    assert [message["to"] for message in second["data"]] == ["n2", "n1"]
