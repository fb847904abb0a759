"""Jobs on their pages: all that match is counted and frozen first, started by a press, followed, and commanded."""

import re

from support.admin_client import AdminClient, Shown, visiting
from support.api import Api
from support.jobs import work_off
from support.places import bury

_find_count = re.compile(r"<strong data-count>([\d,]+)</strong>").search


async def dead_letters(api: Api, number: int, **fields: str) -> None:
    for n in range(number):
        await bury(api.db, await api.create(to=f"to-{n % 2}", **fields))


async def select_all(client: AdminClient, action: str, **filters: str) -> str:
    """Press "Resend all…" or "Delete all…"; returns the path of the job's page."""
    sent = await client.send("/admin/dead-letters/all", follow=False, action=action, **filters)
    assert sent.status == 303, sent.text
    assert sent.headers["Location"].startswith("/admin/jobs/job_")
    return sent.headers["Location"]


def state_of(shown: Shown) -> str:
    return shown.text.split("<h1")[1].split('<span class="badge ')[1].split(">")[1].split("<")[0]


async def test_all_that_match_are_counted_frozen_and_resent_at_a_press(api: Api, operator: AdminClient) -> None:
    await dead_letters(api, 4)
    page = await operator.open("/admin/dead-letters?to=to-1")
    assert 'formaction="/admin/dead-letters/all"' in page.text
    path = await select_all(operator, "resend", to="to-1")
    await dead_letters(api, 2)
    await work_off(api)
    held = await operator.open(path)
    assert (state_of(held), "dead letters to to-1" in held.text, "Resend 2" in held.text) == ("held", True, True)
    assert (found := _find_count(held.text)) is not None
    assert found[1] == "2"
    assert await api.count("dead_letters") == 6
    running = await operator.send(f"{path}/resume")
    assert (state_of(running), f'data-live="{path}/live"' in running.text) == ("running", True)
    await work_off(api)
    ended = await operator.open(f"{path}/live")
    assert ("data-ended" in ended.text, "<dd>2</dd>" in ended.text, "100%" in ended.text) == (True, True, True)
    assert "data-live" not in (await operator.open(path)).text
    assert await api.count("dead_letters") == 4


async def test_all_that_match_are_deleted_at_a_press_or_kept(api: Api, operator: AdminClient) -> None:
    await dead_letters(api, 2)
    await operator.open("/admin/dead-letters")
    kept = await select_all(operator, "delete")
    assert "all dead letters" in (await operator.open(kept)).text
    assert state_of(await operator.send(f"{kept}/cancel")) == "cancelled"
    assert "can&#39;t be told to resume" in (await operator.send(f"{kept}/resume")).text
    await work_off(api)
    assert await api.count("dead_letters") == 2
    await operator.send(f"{await select_all(operator, 'delete')}/resume")
    await work_off(api)
    assert await api.count("dead_letters") == 0
    nothing = await operator.send("/admin/dead-letters/all", action="delete")
    assert "no dead letter matches any more" in nothing.text


async def test_a_page_that_is_sent_twice_makes_one_job(api: Api, operator: AdminClient) -> None:
    await dead_letters(api, 1)
    shown = await operator.open("/admin/dead-letters")
    once = shown.text.split('name="once" value="')[1].split('"')[0]
    twice = [await select_all(operator, "resend", once=once) for _ in range(2)]
    assert twice[0] == twice[1] != await select_all(operator, "delete", once=once)
    wrong = await operator.send("/admin/dead-letters/all", action="delete", createdAfter="yesterday")
    assert "Not done" in wrong.text
    assert (await operator.send("/admin/dead-letters/all", action="burn")).status == 404


async def test_the_list_says_what_each_job_does_to_what(api: Api, operator: AdminClient) -> None:
    empty = await operator.open("/admin/jobs")
    assert ("There is no job" in empty.text, 'href="/admin/jobs" data-key="j"' in empty.text) == (True, True)
    await api.create(to="jane", delay="1h", reference="order-1")
    order = {"reference": "order-1", "status": "scheduled", "hold": True, "rate": 50}
    moved = (await api.post("/v1/messages/reschedule", {**order, "shift": "1h"})).json
    cancelled = (await api.post("/v1/messages/cancel", order)).json
    shown = await operator.open("/admin/jobs?state=held")
    assert "messages that are scheduled, with reference order-1 by 1h" in shown.text
    assert ("50/s" in shown.text, "config:boss" in shown.text, "<progress" in shown.text) == (True, True, True)
    only = await operator.open("/admin/jobs?kind=messages.cancel")
    assert (cancelled["id"] in only.text, moved["id"] in only.text) == (True, False)
    assert "No job matches" in (await operator.open("/admin/jobs?state=failed")).text
    wrong = await operator.open("/admin/jobs?state=lost")
    assert (wrong.status, 'role="alert"' in wrong.text) == (200, True)
    path = f"/admin/jobs/{moved['id']}"
    await operator.send(f"{path}/resume")
    paused = await operator.send(f"{path}/pause")
    assert (state_of(paused), f'action="{path}/resume"' in paused.text) == ("paused", True)
    assert (await operator.open("/admin/jobs/job_0192f0c1a2b37c4d8e5f60718293a4b5")).status == 404


async def test_jobs_are_hidden_and_refused_as_the_api_does(api: Api, operator: AdminClient) -> None:
    await api.post("/v1/customers", {"id": "acme", "webhookUrl": "https://example.org/"})
    await dead_letters(api, 1)
    await dead_letters(api, 1, customer="acme")
    await operator.open("/admin/dead-letters")
    path = await select_all(operator, "resend", customer="default")
    async with visiting(api.url, "viewer") as viewer, visiting(api.url, "acme") as acme:
        shown = await viewer.open(path)
        assert (shown.status, f'action="{path}' in shown.text) == (200, False)
        refused = [(await viewer.send(f"{path}/{command}")).status for command in ("resume", "pause", "cancel")]
        assert refused == [403, 403, 403]
        assert (await viewer.send("/admin/dead-letters/all", action="delete")).status == 403
        for of_another in (path, f"{path}/live"):
            assert (await acme.open(of_another)).status == 404
        assert (await acme.send(f"{path}/resume", follow=False)).status == 303
        own = await select_all(acme, "resend")
        assert "dead letters of acme" in (await acme.open("/admin/jobs")).text
        assert path not in (await acme.open("/admin/jobs")).text
        assert "Resend 1" in (await acme.open(own)).text
    assert state_of(await operator.open(path)) == "held"
