"""Messages, dead letters and customers on their pages: found, read, moved, and never shown as a script."""

import html
import json
from typing import Any

from sendoff_http.admin.site import PAGES
from support.admin_client import AdminClient
from support.api import Api
from support.places import bury, deliver, fail, retry_later

HOSTILE = '"><script>alert(1)</script>'


async def test_a_message_is_found_by_recipient_id_reference_and_metadata(api: Api, operator: AdminClient) -> None:
    jane = await api.create(to="jane", reference="order-1", metadata={"orderId": "4711"})
    joe = await api.create(to="joe")
    for query in ("q=jane", "q=order-1", "metadata=orderId=4711", "q=jane&status=scheduled"):
        shown = await operator.open(f"/admin/messages?{query}")
        assert (jane["id"] in shown.text, joe["id"] in shown.text) == (True, False), query
    found = await operator.open(f"/admin/messages?q={jane['id']}")
    assert (found.status, found.headers["Location"]) == (303, f"/admin/messages/{jane['id']}")
    assert "No message matches" in (await operator.open("/admin/messages?q=nobody")).text
    wrong = await operator.open("/admin/messages?createdAfter=yesterday")
    assert (wrong.status, "RFC 3339" in wrong.text) == (200, True)


async def test_a_page_that_is_full_leads_to_the_next(api: Api, operator: AdminClient) -> None:
    for number in range(51):
        await api.create(to=f"to-{number}")
    shown = await operator.open("/admin/messages")
    assert 'rel="next"' in shown.text
    path = shown.text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "to-0<" in (await operator.open(path)).text


async def test_a_message_tells_its_attempts_what_was_answered_and_what_it_waits_for(
    api: Api, operator: AdminClient
) -> None:
    content = {"html": HOSTILE, "huge": 12345678901234567890123}
    message = await api.create(to=HOSTILE, content=content, reference="order-1")
    await retry_later(api.db, message)
    shown = await operator.open(f"/admin/messages/{message['id']}")
    assert "<script>alert" not in shown.text
    for told in ("the webhook said 503", "no \ufffd", "12345678901234567890123", "webhook-id"):
        assert told in shown.text, told
    request = html.unescape(shown.text.split('aria-labelledby="request">')[-1].split("</pre>")[0])
    assert json.loads(request) == {"id": message["id"], "to": HOSTILE, "content": content, "metadata": {}}


async def test_what_waits_can_be_cancelled_and_moved_and_what_ended_can_be_resent(
    api: Api, operator: AdminClient
) -> None:
    message = await api.create(to="jane", delay="1h")
    path = f"/admin/messages/{message['id']}"
    await operator.open(path)
    assert "is rescheduled" in (await operator.send(f"{path}/reschedule", when="2h")).text
    assert "is rescheduled" in (await operator.send(f"{path}/reschedule", when="2099-01-31T08:00:00Z")).text
    assert "expected a duration" in (await operator.send(f"{path}/reschedule", when="tomorrow")).text
    assert "is cancelled" in (await operator.send(f"{path}/cancel")).text
    assert "cannot be cancelled" in (await operator.send(f"{path}/cancel")).text
    assert "is due again" in (await operator.send(f"{path}/resend")).text
    assert (await api.get(f"/v1/messages/{message['id']}")).json["status"] == "scheduled"


async def test_a_message_can_be_sent_and_its_mistakes_stand_beside_their_fields(
    api: Api, operator: AdminClient
) -> None:
    await operator.open("/admin/messages/new")
    wrong = await operator.send("/admin/messages/new", to="jane", content="hello", delay="soon")
    assert (wrong.status, 'value="soon"' in wrong.text) == (422, True)
    shown = await operator.send("/admin/messages/new", to="jane", content='{"a": 1.10}', reference="mine")
    assert "The message is accepted." in shown.text
    assert "The message is accepted." not in (await operator.open("/admin/messages")).text
    ((message),) = (await api.get("/v1/messages")).json["data"]
    assert (message["content"], message["reference"]) == ({"a": 1.1}, "mine")


async def test_dead_letters_are_grouped_and_resent_one_by_one_or_chosen(api: Api, operator: AdminClient) -> None:
    letters = [await api.create(to=f"to-{number % 2}") for number in range(6)]
    for letter in letters:
        await bury(api.db, letter)
    shown = await operator.open("/admin/dead-letters?to=to-1")
    assert [letter["id"] in shown.text for letter in letters] == [False, True] * 3
    assert "customer=default&amp;reason=exhausted" in shown.text
    assert "is due again" in (await operator.send(f"/admin/dead-letters/{letters[0]['id']}/resend")).text
    chosen = [letters[1]["id"], letters[0]["id"]]
    shown = await operator.send("/admin/dead-letters/chosen", action="delete", id=chosen[0])
    assert "1 deleted" in shown.text
    shown = await operator.send("/admin/dead-letters/chosen", action="resend", id=chosen[1])
    assert "0 resent. 1 not" in shown.text


async def test_a_customer_is_created_edited_paused_rotated_and_deleted(api: Api, operator: AdminClient) -> None:
    await operator.open("/admin/customers/new")
    wrong = await operator.send("/admin/customers/new", id="acme", webhookUrl="nowhere", rate="many")
    assert (wrong.status, "expected a whole number" in wrong.text) == (422, True)
    made = await operator.send(
        "/admin/customers/new",
        id="acme",
        webhookUrl="https://example.org/",
        headers="Authorization: Bearer x\r\nX-Team: a",
        rate="5",
        retry='{"attempts": 3}',
    )
    assert (made.status, "whsec_" in made.text) == (200, True)
    assert "whsec_" not in (await operator.open("/admin/customers/acme")).text
    await operator.open("/admin/customers/acme/edit")
    fields: dict[str, Any] = {
        "webhookUrl": "https://example.org/",
        "headers": "Authorization: ***\r\nX-Team: b",
        "version": "1",
    }
    assert "is changed" in (await operator.send("/admin/customers/acme/edit", **fields, name="Acme")).text
    stale = await operator.send("/admin/customers/acme/edit", **fields, name="Other")
    assert (stale.status, "in the meantime" in stale.text) == (412, True)
    customer = (await api.get("/v1/customers/acme")).json
    assert (customer["headers"], customer["name"]) == ({"Authorization": "***", "X-Team": "b"}, "Acme")
    assert customer["limits"]["rate"] is None
    assert "is paused" in (await operator.send("/admin/customers/acme/pause", reason="theirs")).text
    assert "theirs" in (await operator.open("/admin/")).text
    assert "is resumed" in (await operator.send("/admin/customers/acme/resume")).text
    assert "whsec_" in (await operator.send("/admin/customers/acme/rotate", grace="1h")).text
    assert "acme is deleted" in (await operator.send("/admin/customers/acme/delete")).text


async def test_the_overview_counts_and_says_what_needs_attention(api: Api, operator: AdminClient) -> None:
    shown = await operator.open("/admin/")
    assert "No worker is alive" in shown.text
    for move in (deliver, fail, retry_later, bury):
        await move(api.db, await api.create(to="jane"))
    live = await operator.open("/admin/live")
    assert "1 dead letter within the last hour" in live.text
    assert "<dd>1</dd>" in live.text
    assert len(PAGES) > 25
