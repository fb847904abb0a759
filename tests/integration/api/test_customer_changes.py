"""Customers over HTTP: changed by merge patches, with and without If-Match; paused and resumed."""

import asyncio
from typing import Any

import pytest

from sendoff_webhooks.customer import CustomerFields
from support.api import Api, Reply
from support.customers import NOWHERE, create, read


async def patch(api: Api, document: Any, customer_id: str = "acme", **options: Any) -> Reply:
    return await api.call("PATCH", f"/v1/customers/{customer_id}", json=document, **options)


async def test_what_a_patch_does_not_name_stays(api: Api) -> None:
    before = await create(
        api, id="acme", name="Acme", retry={"attempts": 5, "first": "1s"}, limits={"rate": 9}, headers={"x-a": "1"}
    )
    reply = await patch(api, {"timeout": "20s", "retry": {"first": "2s"}, "headers": {"x-b": "2"}})
    assert (reply.status, reply.headers["ETag"]) == (200, '"2"')
    changed = {
        "timeout": "20s",
        "retry": {**before["retry"], "first": "2s"},
        "headers": {"x-a": "1", "x-b": "2"},
        "version": 2,
        "updatedAt": reply.json["updatedAt"],
    }
    del before["secret"]
    assert reply.json == {**before, **changed} == await read(api, "acme")
    assert reply.json["updatedAt"] > before["updatedAt"]


async def test_null_brings_back_the_default_at_both_levels(api: Api) -> None:
    await create(api, id="acme", name="Acme", timeout="1s", retry={"attempts": 5, "first": "1s"}, limits={"rate": 9})
    document = {"name": None, "timeout": None, "retry": {"first": None}, "limits": None}
    customer = (await patch(api, document)).json
    assert (customer["name"], customer["timeout"], customer["limits"]["rate"]) == ("acme", "15s", None)
    assert (customer["retry"]["attempts"], customer["retry"]["first"]) == (5, "5s")


async def test_a_description_is_changed_and_taken_away(api: Api) -> None:
    assert (await create(api, id="acme"))["description"] is None
    for description in ("Parcels of the north", None):
        assert (await patch(api, {"description": description})).json["description"] == description
        listed = (await api.get("/v1/customers")).json["data"]
        assert [one["description"] for one in listed] == [description, None]


async def test_a_header_is_changed_and_taken_away_by_its_name_in_any_letters(api: Api) -> None:
    await create(api, id="acme", headers={"X-Team": "a", "X-Other": "b", "authorization": "c"})
    headers = {"x-team": "new", "X-OTHER": None}
    assert (await patch(api, {"headers": headers})).json["headers"] == {"authorization": "***", "x-team": "new"}
    stored = await api.scalar("SELECT headers FROM customers WHERE id = 'acme'")
    assert stored == {"authorization": "c", "x-team": "new"}


async def test_a_value_inside_of_a_rule_is_replaced_as_a_whole(api: Api) -> None:
    await create(api, id="acme", responseRule={"bodySchema": {"type": "object", "required": ["a"]}})
    schema = {"const": None}
    assert (await patch(api, {"responseRule": {"bodySchema": schema}})).json["responseRule"]["bodySchema"] == schema


async def test_a_place_in_the_answer_may_have_to_be_null(api: Api) -> None:
    customer = await create(api, id="acme", responseRule={"pointer": "/error", "equals": None})
    assert (customer["responseRule"]["pointer"], customer["responseRule"]["equals"]) == ("/error", None)
    reply = await patch(api, {"responseRule": {"equals": True}})
    assert reply.json["responseRule"]["equals"] is True
    reply = await patch(api, {"responseRule": {"equals": 1}})
    assert (reply.json["responseRule"]["equals"], reply.json["version"]) == (1, 3)
    reply = await patch(api, {"responseRule": {"equals": None, "pointer": None, "statuses": ["2xx"]}})
    assert reply.json["responseRule"]["pointer"] is None


async def test_a_strategy_may_be_named_and_is_shown_written_out(api: Api) -> None:
    customer = await create(api, id="acme", retry="quick")
    assert customer["retry"] == {"waits": ["1s", "5s", "15s", "1m"], "jitter": 0.1}
    assert (await patch(api, {"retry": "once"})).json["retry"]["attempts"] == 1
    reply = await patch(api, {"retry": "never"})
    assert (reply.status, reply.pointers) == (422, ["/retry"])


async def test_what_changes_nothing_leaves_the_version(api: Api) -> None:
    before = await create(api, id="acme", timeout="60s")
    for document in ({}, {"timeout": "1m"}, {"name": None}, {"webhookUrl": NOWHERE}):
        reply = await patch(api, document)
        assert (reply.status, reply.headers["ETag"]) == (200, '"1"')
        assert reply.json["updatedAt"] == before["updatedAt"]


async def test_a_customer_can_be_sent_back_as_it_was_shown(api: Api) -> None:
    await create(api, id="acme", retry={"waits": ["1s"]}, headers={"x-a": "1"}, responseRule={"statuses": [200]})
    shown = await read(api, "acme")
    writable = {field.alias for field in CustomerFields.model_fields.values()}
    reply = await patch(api, {key: value for key, value in shown.items() if key in writable})
    assert reply.status == 200, reply.body


NOT_ALLOWED: list[tuple[Any, str]] = [
    ([], ""),
    ({"webhookUrl": None}, "/webhookUrl"),
    ({"webhookUrl": "nonsense"}, "/webhookUrl"),
    ({"id": "other"}, "/id"),
    ({"id": None}, "/id"),
    ({"version": 7}, "/version"),
    ({"paused": True}, "/paused"),
    ({"secret": "whsec_x"}, "/secret"),
    ({"retry": {"waits": ["1s"]}}, "/retry"),
    ({"retry": 5}, "/retry"),
    ({"headers": {"webhook-id": "1"}}, "/headers"),
    ({"headers": {"x-token": "***"}}, "/headers"),
]


async def test_a_patch_that_is_not_allowed_changes_nothing(api: Api, subtests: pytest.Subtests) -> None:
    before = await create(api, id="acme", retry={"attempts": 3})
    del before["secret"]
    for document, pointer in NOT_ALLOWED:
        with subtests.test(document=str(document)):
            reply = await patch(api, document)
            assert (reply.status, reply.pointers) == (422, [pointer])
    assert await read(api, "acme") == before


async def test_a_merge_patch_has_a_media_type_of_its_own(api: Api) -> None:
    await create(api, id="acme")
    for content_type, status in (("application/merge-patch+json", 200), ("text/plain", 415)):
        headers = {"Content-Type": content_type}
        reply = await api.call("PATCH", "/v1/customers/acme", data=b'{"timeout": "9s"}', headers=headers)
        assert reply.status == status


async def test_if_match_lets_only_the_known_version_be_changed(api: Api) -> None:
    await create(api, id="acme")
    first = await patch(api, {"name": "first"}, headers={"If-Match": '"1"'})
    assert first.headers["ETag"] == '"2"'
    for stale in ('"1"', '"1", "7"', 'W/"2"', '"x"', "", " , "):
        second = await patch(api, {"name": "second"}, headers={"If-Match": stale})
        assert (second.status, second.json["code"], second.json["version"]) == (412, "version_mismatch", 2)
        assert second.headers["ETag"] == '"2"'
    assert (await read(api, "acme"))["name"] == "first"
    for version, matching in enumerate(('"1", "2"', "*", ', "4",,'), start=3):
        reply = await patch(api, {"name": f"v{version}"}, headers={"If-Match": matching})
        assert reply.json["version"] == version


async def test_if_match_holds_for_a_deletion_too(api: Api) -> None:
    await create(api, id="acme")
    await patch(api, {"name": "new"})
    stale = await api.call("DELETE", "/v1/customers/acme", headers={"If-Match": '"1"'})
    assert (stale.status, stale.json["version"]) == (412, 2)
    assert (await api.call("DELETE", "/v1/customers/acme", headers={"If-Match": '"2"'})).status == 204


@pytest.mark.parametrize("given", ["1", '"1', '1"', '"1" "2"', "W/1", '"1",*'])
async def test_what_is_no_etag_is_refused(api: Api, given: str) -> None:
    await create(api, id="acme")
    for method in ("PATCH", "DELETE"):
        reply = await api.call(method, "/v1/customers/acme", json={"name": "x"}, headers={"If-Match": given})
        assert (reply.status, reply.pointers) == (422, ["If-Match"])


async def test_of_two_updates_of_one_version_exactly_one_wins(api: Api) -> None:
    await create(api, id="acme")
    for version in range(1, 11):
        headers = {"If-Match": f'"{version}"'}
        replies = await asyncio.gather(*(patch(api, {"name": f"{version}-{n}"}, headers=headers) for n in range(2)))
        assert sorted(reply.status for reply in replies) == [200, 412]
        (winner,) = [reply for reply in replies if reply.status == 200]
        assert (await read(api, "acme")) == winner.json


async def test_updates_without_if_match_keep_one_anothers_fields(api: Api) -> None:
    await create(api, id="acme")
    documents = [{"headers": {f"x-{number}": "here"}} for number in range(5)]
    replies = await asyncio.gather(*(patch(api, document) for document in documents))
    assert [reply.status for reply in replies] == [200] * 5
    customer = await read(api, "acme")
    assert customer["headers"] == {f"x-{number}": "here" for number in range(5)}
    assert customer["version"] == 6


async def test_the_default_customer_is_changed_in_its_configuration(api: Api) -> None:
    reply = await patch(api, {"timeout": "1s"}, "default")
    assert (reply.status, reply.json["code"]) == (409, "customer_configured")
    assert "config.yaml" in reply.json["detail"]


async def test_a_customer_is_paused_and_resumed(api: Api) -> None:
    for customer_id in ((await create(api))["id"], "default"):
        paused = await api.post(f"/v1/customers/{customer_id}/pause", {"reason": "their maintenance"})
        assert paused.status == 200
        assert (paused.json["paused"], paused.json["pauseReason"]) == (True, "their maintenance")
        assert paused.json["pausedAt"] is not None
        assert [one["scope"] for one in (await api.get("/v1/scheduler")).json["scopes"]] == [customer_id]
        again = await api.post(f"/v1/customers/{customer_id}/pause")
        assert again.json == paused.json
        for _ in range(2):
            resumed = await api.post(f"/v1/customers/{customer_id}/resume")
            assert (resumed.json["paused"], resumed.json["pauseReason"], resumed.json["pausedAt"]) == (
                False,
                None,
                None,
            )
        assert resumed.json["version"] == paused.json["version"]


async def test_a_pause_from_elsewhere_is_shown(api: Api) -> None:
    await create(api, id="acme")
    await api.post("/v1/scheduler/stop", {"scope": "acme", "reason": "by the scheduler"})
    assert (await read(api, "acme"))["pauseReason"] == "by the scheduler"


@pytest.mark.parametrize("body", [{"reason": "x" * 501}, {"reason": "\0"}, {"why": "x"}, []])
async def test_a_bad_reason_is_refused(api: Api, body: Any) -> None:
    await create(api, id="acme")
    assert (await api.post("/v1/customers/acme/pause", body)).status == 422
    assert (await read(api, "acme"))["paused"] is False


ELSEWHERE = "https://elsewhere.invalid/hook"
CREDENTIALS = {"Authorization": "Bearer tell-nobody", "X-Api-Key": "tell-nobody", "X-Team": "parcels"}


@pytest.mark.parametrize("url", [ELSEWHERE, "http://webhook.invalid/hook", "https://webhook.invalid:8443/hook"])
async def test_credentials_do_not_follow_a_webhook_to_another_origin(api: Api, url: str) -> None:
    before = await create(api, id="acme", headers=CREDENTIALS)
    withouts: list[dict[str, Any]] = [{}, {"headers": {}}, {"headers": {"X-Team": "letters"}}]
    for given in withouts:
        reply = await patch(api, {"webhookUrl": url, **given})
        assert (reply.status, sorted(reply.pointers)) == (422, ["/headers/Authorization", "/headers/X-Api-Key"])
        assert "another origin" in reply.json["errors"][0]["detail"]
    reply = await patch(api, {"webhookUrl": url, "headers": {"authorization": "Bearer new"}})
    assert (reply.status, reply.pointers) == (422, ["/headers/X-Api-Key"])
    assert (await read(api, "acme"))["webhookUrl"] == before["webhookUrl"]


async def test_credentials_for_another_origin_are_given_anew_or_dropped(api: Api) -> None:
    await create(api, id="acme", headers=CREDENTIALS)
    anew = {"authorization": CREDENTIALS["Authorization"], "x-api-key": None}
    reply = await patch(api, {"webhookUrl": ELSEWHERE, "headers": anew})
    assert (reply.status, reply.json["headers"]) == (200, {"X-Team": "parcels", "authorization": "***"})
    reply = await patch(api, {"webhookUrl": NOWHERE, "headers": None})
    assert (reply.status, reply.json["headers"]) == (200, {})


async def test_credentials_stay_when_the_webhook_moves_within_its_origin(api: Api) -> None:
    await create(api, id="acme", headers=CREDENTIALS)
    for url in ("https://webhook.invalid/other", "https://WEBHOOK.invalid:443/other?a=b"):
        reply = await patch(api, {"webhookUrl": url})
        assert (reply.status, reply.json["headers"]["Authorization"]) == (200, "***"), reply.body
