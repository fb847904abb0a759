"""What is stored of the trace of a request."""

from support.api import Api
from support.places import bury

GIVEN = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=1"}
STORED = f"{GIVEN['traceparent']} {GIVEN['tracestate']}"


async def traces(api: Api) -> list[str | None]:
    """The traces of all messages."""
    return [trace for (trace,) in await (await api.db.execute(b"SELECT trace FROM messages ORDER BY id")).fetchall()]


async def test_a_message_that_comes_back_from_its_dead_letter_has_its_trace(api: Api) -> None:
    message = (await api.post("/v1/messages", {"to": "a", "content": 1}, headers=GIVEN)).json
    assert await traces(api) == [STORED]
    await bury(api.db, message)
    await api.db.execute(b"DELETE FROM messages")  # as the retention does
    assert (await api.post(f"/v1/dead-letters/{message['id']}/resend")).status == 202
    assert await traces(api) == [STORED]


async def test_each_message_of_a_batch_has_the_trace_of_its_request(api: Api) -> None:
    items = [{"to": "a", "content": 1}, {"to": "", "content": 1}, {"to": "b", "content": 1, "retry": "once"}]
    await api.post("/v1/messages/batch", items, headers=GIVEN)
    lines = "\n".join('{"to":"a","content":1}' for _ in range(2)).encode()
    as_lines = {**GIVEN, "Content-Type": "application/x-ndjson"}
    assert (await api.call("POST", "/v1/messages/batch", data=lines, headers=as_lines)).status == 202
    await api.post("/v1/messages/batch", items)
    assert await traces(api) == [STORED] * 4 + [None] * 2
