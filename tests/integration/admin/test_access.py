"""What each role sees and may do: the same table hides a button and refuses its form."""

import re
from typing import Any

import pytest

from sendoff_domain.access import Caller, Role, Scope
from sendoff_http.admin.pages import Page
from sendoff_http.admin.site import PAGES
from sendoff_http.web.authentication import may_access
from support.admin_client import ADMIN_KEYS, visiting
from support.api import Api
from support.places import bury

SHELL = {"/login", "/logout"}
OTHERS = [page for page in PAGES if page.path not in SHELL]
_SCOPES = {
    "boss": {Scope.ADMIN},
    "operator": set(Scope) - {Scope.ADMIN},
    "viewer": {Scope.READ_MESSAGES},
    "acme": set(Scope) - {Scope.ADMIN},
}


def caller_of(name: str) -> Caller:
    """Whom the key of that name lets in."""
    key = next(key for key in ADMIN_KEYS if key["name"] == name)
    return Caller(f"config:{name}", frozenset(_SCOPES[name]), key.get("customer"))


async def a_dead_letter(api: Api, customer: str) -> dict[str, Any]:
    message = await api.create(to="jane", customer=customer)
    await bury(api.db, message)
    return message


def address(page: Page, message_id: str, customer: str) -> str:
    named = customer if page.path.startswith("/customers") else message_id
    return "/admin" + page.path.replace("{id}", named)


@pytest.mark.parametrize("name", ["boss", "operator", "viewer", "acme"])
async def test_each_page_and_form_is_refused_to_whom_the_table_says(api: Api, name: str) -> None:
    await api.post("/v1/customers", {"id": "acme", "webhookUrl": "https://example.org/"})
    letter = await a_dead_letter(api, "acme")
    caller = caller_of(name)
    async with visiting(api.url) as client:
        await client.log_in(name)
        for page in OTHERS:
            path = address(page, letter["id"], "acme")
            shown = await (client.open(path) if page.method == "GET" else client.send(path, follow=False))
            if may_access(caller, page.access):
                assert shown.status in (200, 303, 404, 409, 412, 422), (page, shown.text)
            else:
                assert shown.status == 403, page


async def test_a_viewer_sees_no_form_that_changes_anything(api: Api) -> None:
    letter = await a_dead_letter(api, "default")
    async with visiting(api.url, "viewer") as viewer:
        for path in ("/", "/fleet", "/messages", "/dead-letters", "/retries", f"/messages/{letter['id']}"):
            shown = await viewer.open("/admin" + path)
            assert shown.status == 200
            actions = set(re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"', shown.text))
            assert actions <= {"/admin/logout"}, path
            assert "<button name=" not in shown.text
            assert "/admin/customers" not in re.sub(r"<code.*?</code>", "", shown.text)


async def test_a_key_of_one_customer_sees_nothing_of_another_and_nothing_of_the_fleet(api: Api) -> None:
    await api.post("/v1/customers", {"id": "acme", "webhookUrl": "https://example.org/"})
    own, foreign = await a_dead_letter(api, "acme"), await a_dead_letter(api, "default")
    async with visiting(api.url, "acme") as acme:
        for path in ("/messages", "/dead-letters"):
            shown = await acme.open("/admin" + path)
            assert own["id"] in shown.text
            assert foreign["id"] not in shown.text
            assert "/admin/fleet" not in shown.text
        assert re.findall(r"reason=exhausted", shown.text) == ["reason=exhausted"]
        assert (await acme.open(f"/admin/messages/{foreign['id']}")).status == 404
        assert (await acme.open("/admin/customers/default")).status == 404
        assert (await acme.open("/admin/fleet")).status == 403
        shown = await acme.send(f"/admin/dead-letters/{foreign['id']}/resend", follow=False)
        assert await api.scalar("SELECT count(*) FROM dead_letters") == 2


def test_the_roles_of_this_test_are_those_of_the_domain() -> None:
    assert {key.get("role") for key in ADMIN_KEYS} == {role.value for role in Role}
