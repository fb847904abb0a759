"""Numbers, dates and cursors from outside that PostgreSQL or Python can't hold: each the client's mistake, no 5xx."""

from typing import Any
from uuid import UUID

import pytest

from sendoff_http.web.pagination import encode_cursor, encode_position
from support.api import Api
from support.customers import NOWHERE, create

FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)
BIGGEST = 2**63 - 1
#: The list, the letter of its cursors, and another list's.
LISTS = (("/v1/messages", "m", "d"), ("/v1/dead-letters", "d", "r"), ("/v1/retries", "r", "c"))
LAST_MOMENT = 253_402_300_799_999_999  # 9999-12-31T23:59:59.999999Z in microseconds
FIRST_MOMENT = -62_135_596_800_000_000  # 0001-01-01T00:00:00Z

NO_CURSORS = (
    *(
        "",
        "=",
        "====",
        "A",
        "cursor",
        "null",
        "0",
        "-1",
        str(BIGGEST),
        str(2**64),
        "%00",
        "%FF",
        "%F0%9F%92%A9",
        "x" * 101,
    ),
    *(
        "bQ",
        "bQ==",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        encode_position("m", b"\0" * 23),
        encode_position("m", b"\0" * 25),
    ),
)


async def test_what_is_no_cursor_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for path, _, other in (*LISTS, ("/v1/customers", "c", "m")):
        for cursor in (*NO_CURSORS, encode_cursor(other, FIRST)):
            with subtests.test(path=path, cursor=cursor):
                reply = await api.get(f"{path}?cursor={cursor}")
                assert (reply.status, reply.pointers) == (422, ["?cursor"])


async def test_a_cursor_beyond_all_moments_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for microseconds in (BIGGEST, -BIGGEST - 1, LAST_MOMENT + 1, FIRST_MOMENT - 1, 2**62, -(2**62)):
        with subtests.test(microseconds=microseconds):
            reply = await api.get(f"/v1/retries?cursor={encode_cursor('r', LAST, microseconds)}")
            assert (reply.status, reply.pointers) == (422, ["?cursor"])


async def test_a_cursor_at_the_end_of_all_moments_is_an_empty_page(api: Api, subtests: pytest.Subtests) -> None:
    for microseconds in (LAST_MOMENT, FIRST_MOMENT, 0, -1):
        with subtests.test(microseconds=microseconds):
            reply = await api.get(f"/v1/retries?cursor={encode_cursor('r', LAST, microseconds)}")
            assert (reply.status, reply.json) == (200, {"data": [], "nextCursor": None})
    for path, letter, _ in LISTS[:2]:
        for place in (FIRST, LAST):
            with subtests.test(path=path, place=place):
                reply = await api.get(f"{path}?cursor={encode_cursor(letter, place, BIGGEST)}")
                searched = {"searchedTo": None} if path == "/v1/messages" else {}
                assert (reply.status, reply.json) == (200, {"data": [], "nextCursor": None, **searched})


async def test_a_limit_is_a_small_number(api: Api, subtests: pytest.Subtests) -> None:
    limits = (
        "",
        "0",
        "-1",
        "251",
        str(2**31),
        str(BIGGEST),
        str(2**64),
        "9" * 5000,
        "1e2",
        "0x10",
        "1.5",
        "NaN",
        "inf",
        "%D9%A3x",
    )
    for path in ("/v1/messages", "/v1/dead-letters", "/v1/retries", "/v1/customers"):
        for limit in limits:
            with subtests.test(path=path, limit=limit[:20]):
                reply = await api.get(f"{path}?limit={limit}")
                assert (reply.status, reply.pointers) == (422, ["?limit"])


NO_MOMENTS = (
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00%2B14:00", "9999-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"),
    *("2026-06-30T23:59:60Z", "2026-02-29T00:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z"),
    *(
        "2026-01-01T00:00:00%2B24:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z",
        "infinity",
        "-infinity",
    ),
    *("epoch", "now", "1767225600", str(BIGGEST), "", "2026-01-01T00:00:00", "%D9%A2026-01-01T00:00:00Z"),
)
MOMENTS = ("0002-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "9998-12-31T23:59:59.999999Z", "4713-01-01T00:00:00Z")
MOMENT_FILTERS = (
    *(("/v1/messages", name) for name in ("createdAfter", "createdBefore", "sentAfter", "sentBefore")),
    *(("/v1/dead-letters", name) for name in ("createdAfter", "createdBefore")),
)


async def test_a_filter_by_time_holds_any_moment_and_nothing_else(api: Api, subtests: pytest.Subtests) -> None:
    for path, name in MOMENT_FILTERS:
        for moment in MOMENTS:
            with subtests.test(name=name, moment=moment):
                assert (await api.get(f"{path}?{name}={moment}")).status == 200
        for moment in NO_MOMENTS:
            with subtests.test(name=name, moment=moment):
                reply = await api.get(f"{path}?{name}={moment}")
                assert (reply.status, reply.pointers) == (422, [f"?{name}"])


async def test_a_bulk_selection_holds_any_moment_and_nothing_else(api: Api, subtests: pytest.Subtests) -> None:
    for name in ("createdAfter", "createdBefore"):
        for path in ("/v1/dead-letters/resend", "/v1/dead-letters/purge"):
            for moment in (*MOMENTS, *NO_MOMENTS):
                with subtests.test(path=path, name=name, moment=moment):
                    document = {name: moment.replace("%2B", "+"), "dryRun": True}
                    assert (await api.post(path, document)).status == (200 if moment in MOMENTS else 422)


async def test_a_delivery_may_be_planned_for_any_moment(api: Api, subtests: pytest.Subtests) -> None:
    for moment in MOMENTS:
        with subtests.test(moment=moment):
            message = await api.create(deliverAt=moment)
            # The past means now.
            is_past = moment < message["createdAt"]
            assert (message["deliverAt"][:19] == moment[:19]) is not is_past
    message = await api.create(delay="3660d")
    for document in ({"deliverAt": moment} for moment in (*MOMENTS, *NO_MOMENTS)):
        with subtests.test(document=document):
            status = (await api.call("PATCH", f"/v1/messages/{message['id']}", json=document)).status
            assert status == (200 if document["deliverAt"] in MOMENTS else 422)


NO_DURATIONS: tuple[Any, ...] = (
    *(
        "",
        "s",
        "1",
        "1x",
        "-1s",
        "1e3s",
        "infs",
        "nans",
        "3661d",
        "99999999999999999999d",
        "9" * 400 + "s",
        "1.s",
        "\u0661s",
    ),
    *(5, 1.5, True, [], {}, BIGGEST, 2**70),
)


async def test_what_is_no_duration_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    customer = await create(api)
    calls: tuple[tuple[str, str, Any], ...] = (
        ("POST", "/v1/messages", lambda value: {"to": "a", "content": 1, "delay": value}),
        ("POST", "/v1/messages", lambda value: {"to": "a", "content": 1, "retry": {"first": value}}),
        ("POST", "/v1/scheduler/stop", lambda value: {"ttl": value, "scope": "default"}),
        ("POST", f"/v1/customers/{customer['id']}/rotate-secret", lambda value: {"grace": value}),
        *(("PATCH", f"/v1/customers/{customer['id']}", _in(*place)) for place in DURATIONS),
    )
    for method, path, document in calls:
        for value in NO_DURATIONS:
            with subtests.test(path=path, document=str(document(value))[:80]):
                assert (await api.call(method, path, json=document(value))).status == 422
    for value in ("1", "-1s", "31s", "9" * 400 + "s", "3661d", "nan"):
        assert (await api.post(f"/v1/scheduler/start?wait={value}")).status == 422


def _in(*place: str) -> Any:
    return lambda value: {place[0]: value} if len(place) == 1 else {place[0]: {place[1]: value}}


DURATIONS = (("timeout",), ("connectTimeout",), ("limits", "per"), ("retry", "max"), ("breaker", "window"))
#: Too short or too long for what they are for, or for the column that keeps them.
UNFIT: tuple[tuple[tuple[str, ...], tuple[Any, ...]], ...] = (
    (("timeout",), ("1ns", "1us", "499us", "301s", "25d", "3660d")),
    (("connectTimeout",), ("1ns", "1us", "499us", "301s", "25d")),
    (("limits", "per"), ("1ns", "999us", "8d", "3660d")),
    (("limits", "rate"), (0, -1, 100_001, 2**31, BIGGEST, 2**64, 1.5, "x")),
    (("limits", "concurrency"), (0, -1, 100_001, 2**31, BIGGEST, 2**64)),
    (("limits", "backlog"), (0, -1, 10_000_001, 2**31, BIGGEST, 2**64)),
    (("retry", "attempts"), (0, -1, 1001, 2**31, BIGGEST, 2**64)),
    (("retry", "factor"), (0, -1, 101, 1e308)),
    (("breaker", "minimum"), (0, -1, 100_001, 2**31, 2**64)),
    (("responseRule", "statuses"), (["0"], ["99"], ["600"], ["2147483648"], ["\u0662xx"], [2**63])),
    (("responseRule", "finalStatuses"), (["0"], ["99"], ["600"], ["2147483648"], [2**63])),
)


async def test_a_number_that_its_column_cannot_hold_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    customer = await create(api)
    for place, values in UNFIT:
        for value in values:
            with subtests.test(place=place, value=value):
                document = _in(*place)(value)
                assert (await api.post("/v1/customers", {"webhookUrl": NOWHERE, **document})).status == 422
                assert (await api.call("PATCH", f"/v1/customers/{customer['id']}", json=document)).status == 422


async def test_a_version_that_never_was_does_not_fit(api: Api, subtests: pytest.Subtests) -> None:
    path = f"/v1/customers/{(await create(api))['id']}"
    for given, status in (
        *((f'"{number}"', 412) for number in (0, 2**31, BIGGEST, 2**64, "9" * 5000, "-1", "", "01")),
        *((text, 422) for text in ("1", '"', "W/1", '"1" "2"', "x" * 4000)),
    ):
        with subtests.test(given=given[:40]):
            reply = await api.call("PATCH", path, json={"name": "Other"}, headers={"If-Match": given})
            assert reply.status == status


IDS = (
    "msg_" + "0" * 32,
    "msg_" + "f" * 32,
    "msg_7" + "f" * 31,
    "msg_" + "0" * 33,
    "msg_",
    str(BIGGEST),
    "%00",
    "%FF",
    "x" * 3000,
)


async def test_an_id_of_no_time_is_not_found(api: Api, subtests: pytest.Subtests) -> None:
    for message_id in IDS:
        for method, path in (
            *(("GET", f"/v1/messages/{message_id}{of}") for of in ("", "/attempts", "/explain")),
            ("DELETE", f"/v1/messages/{message_id}"),
            ("POST", f"/v1/messages/{message_id}/resend"),
            *((method, f"/v1/dead-letters/{message_id}") for method in ("GET", "DELETE")),
            ("POST", f"/v1/dead-letters/{message_id}/resend"),
            *((method, f"/v1/customers/{message_id}") for method in ("GET", "DELETE")),
        ):
            with subtests.test(method=method, path=path[:60]):
                assert (await api.call(method, path, checked=False)).status in (404, 405)
