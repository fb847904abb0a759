"""`sendoff keys`: in the database itself, and through an API."""

import json
from pathlib import Path

import psycopg

from support.command_line import Running, invoke


def test_the_first_key_is_made_in_the_database(sendoff_database: str, folder: Path) -> None:
    settings = {"POSTGRES__URL": sendoff_database, "HTTP__OPEN": "never"}
    words = ("create", "root", "--role", "admin", "--rate", "5", "--expires-in", "90d")
    made = json.loads(invoke("keys", *words, "--json", folder=folder, **settings).stdout)
    assert (made["name"], made["scopes"], made["rate"], made["customer"]) == ("root", ["admin"], 5, None)
    (listed,) = json.loads(invoke("keys", "list", "--json", folder=folder, **settings).stdout)["data"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    done = invoke("keys", "revoke", made["id"], folder=folder, **settings)
    assert (done.returncode, made["id"] in done.stderr) == (0, True)
    shown = invoke("keys", "list", folder=folder, **settings).stdout
    assert made["id"] in shown
    assert made["prefix"] in shown
    assert "revoked at" in shown
    assert made["secret"] not in shown
    with psycopg.connect(sendoff_database) as connection:
        deeds = connection.execute("SELECT action, target, actor LIKE 'cli:%@%' FROM audit ORDER BY id").fetchall()
    assert deeds == [("key.create", made["id"], True), ("key.revoke", made["id"], True)]


def test_keys_are_made_listed_and_revoked_through_the_api_that_is_named(up: Running, folder: Path) -> None:
    words = ("create", "shop", "--scope", "messages:write", "--scope", "messages:read", "--customer", "default")
    made = json.loads(invoke("keys", *words, "--url", up.url, "--json", folder=folder).stdout)
    assert made["scopes"] == ["messages:write", "messages:read"]
    sent = invoke(
        "send", "--to", "a", "--content", "b", "--in", "1h", folder=folder, URL=up.url, API_KEY=made["secret"]
    )
    assert sent.returncode == 0, sent.stderr
    refused = invoke("status", folder=folder, URL=up.url, API_KEY=made["secret"])
    assert (refused.returncode, made["id"] in refused.stderr) == (1, True)
    assert invoke("keys", "revoke", made["id"], folder=folder, URL=up.url).returncode == 0
    late = invoke("send", "--to", "a", "--content", "b", folder=folder, URL=up.url, API_KEY=made["secret"])
    assert (late.returncode, "revoked" in late.stderr) == (1, True)
    listed = json.loads(invoke("keys", "list", "--customer", "default", "--json", folder=folder, URL=up.url).stdout)
    assert made["id"] in [key["id"] for key in listed["data"]]


def test_a_mistake_is_one_sentence(sendoff_database: str, folder: Path) -> None:
    for words, code, said in (
        (("create", "x"), 1, "expected either role or scopes"),
        (("create", "x", "--role", "viewer", "--customer", "nobody"), 1, "there is no customer 'nobody'"),
        (("create", "a b", "--role", "viewer"), 1, "/name"),
        (("create", "x", "--role", "viewer", "--expires-in", "soon"), 2, "expected a duration"),
        (("revoke", "nothing"), 2, "expected the id of a key"),
        (("revoke", "key_" + "0" * 32), 1, "there is no API key"),
    ):
        done = invoke("keys", *words, folder=folder, POSTGRES__URL=sendoff_database)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_a_key_that_nothing_asks_for_is_said_to_be_so(sendoff_database: str, folder: Path) -> None:
    done = invoke("keys", "create", "x", "--role", "viewer", folder=folder, POSTGRES__URL=sendoff_database)
    assert "set http.open to never" in done.stderr


def test_an_api_that_others_reach_does_not_start_without_a_key(folder: Path) -> None:
    done = invoke("up", "--data", folder / "data", folder=folder, HTTP__HOST="0.0.0.0")
    assert (done.returncode, "http.apiKeys: expected a key" in done.stderr) == (2, True)
    assert not (folder / "data").exists()
