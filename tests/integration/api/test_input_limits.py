"""Work on foreign input is bounded by what it holds, not only by its bytes; numbers are shown as they were sent."""

import io
import json

from support.api import Api
from support.effort import Effort

JSON = {"Content-Type": "application/json"}
#: The slowest of these requests takes 12, and took 61 once on a busy machine; where work grew with the square of the
#: names it was 600.
MOST_EFFORT = 200


async def test_a_fraction_comes_back_with_all_its_digits(api: Api) -> None:
    body = b'{"to":"a","content":[12345678901234567.89,1e-400,0.1,123456789012345678901234567890]}'
    accepted = await api.post("/v1/messages", data=body, headers=JSON)
    kept = b"[12345678901234567.89,1e-400,0.1,123456789012345678901234567890]"
    shown = await api.get("/v1/messages/" + accepted.json["id"])
    listed = await api.get("/v1/messages")
    for reply in (accepted, shown, listed):
        assert kept in reply.body
    assert kept.decode() in await api.scalar("SELECT payload FROM messages")


async def test_many_unknown_names_are_counted_and_not_listed(api: Api) -> None:
    names = {f"name{number}": 1 for number in range(90)}
    errors = (await api.post("/v1/messages", {"to": "a", "content": 1, **names})).json["errors"]
    assert len(errors) == 51
    assert errors[-1] == {"pointer": "", "detail": "40 more mistakes are not listed", "code": "not_listed"}
    reply = await api.post("/v1/messages", {**names, **{f"more{number}": 1 for number in range(90)}})
    assert (reply.status, reply.pointers) == (422, [""])
    assert "at most 100 names, got 180" in reply.json["detail"]


async def test_a_document_of_many_names_is_answered_at_once(api: Api) -> None:
    names = {f"n{number}": 1 for number in range(30_000)}
    for path in ("/v1/messages", "/v1/customers", "/v1/dead-letters/purge"):
        with Effort() as effort:
            reply = await api.post(path, names)
        assert reply.status == 422
        assert len(reply.body) < 20_000
        assert effort.units < MOST_EFFORT


async def test_a_name_that_is_there_twice_among_many_is_found_at_once(api: Api) -> None:
    names = [f'"n{number}":1' for number in range(40_000)]
    body = ("{" + ",".join([*names, '"n39999":2']) + "}").encode()
    with Effort() as effort:
        reply = await api.post("/v1/messages", data=body, headers=JSON)
    assert (reply.status, reply.json["code"]) == (400, "not_json")
    assert "n39999" in reply.json["detail"]
    assert effort.units < MOST_EFFORT


async def test_one_item_of_a_batch_is_not_larger_than_a_message(api: Api) -> None:
    huge = {f"name{number}": 1 for number in range(350_000)}
    body = io.BytesIO(json.dumps([{"to": "a", "content": 1}, huge]).encode())
    with Effort() as effort:
        reply = await api.post("/v1/messages/batch", data=body, headers=JSON)
    assert effort.units < MOST_EFFORT
    good, bad = reply.json["data"]
    assert good["id"]
    assert (bad["error"]["status"], bad["error"]["code"]) == (413, "content_too_large")
    assert len(reply.body) < 1_000


async def test_the_answer_to_a_batch_of_mistakes_stays_small(api: Api) -> None:
    wrong = {f"wrong{number}": 1 for number in range(60)}
    data = (await api.post("/v1/messages/batch", [wrong] * 600)).json["data"]
    assert all(item["error"]["status"] == 422 and "many more" in item["error"]["detail"] for item in data)
    assert sum("errors" in item["error"] for item in data) == 200
