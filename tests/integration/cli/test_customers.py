"""`sendoff customers`: the API's customers from the command line."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from support.command_line import Running, invoke, running
from support.receiver import Receiver
from support.servers import open_folder

NOWHERE = "https://webhook.invalid/hook"


@pytest.fixture(scope="module")
def near() -> Iterator[Running]:
    """A whole Sendoff that may call this machine."""
    allowed = {"SECURITY__ALLOWED_NETWORKS": '["127.0.0.0/8"]'}
    with open_folder() as path, running("up", "--data", path / "data", folder=path, **allowed) as started:
        started.wait_until_said("Sendoff is ready")
        yield started


class Customers:
    """The command on one API."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder

    def run(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return invoke("customers", *words, "--url", self._url, folder=self._folder, stdin=stdin)

    def json(self, *words: str, stdin: str = "") -> Any:
        done = self.run(*words, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def create(self, *words: str, stdin: str = "") -> dict[str, Any]:
        created: dict[str, Any] = self.json("create", "--webhook-url", NOWHERE, *words, stdin=stdin)
        return created


@pytest.fixture
def customers(near: Running, folder: Path) -> Iterator[Customers]:
    """The command; the customers that a test makes go with it."""
    command = Customers(near.url, folder)
    yield command
    for one in command.json("list", "--limit", "1000")["data"]:
        if one["id"] != "default":
            command.run("delete", one["id"])
    command.run("resume", "default")


def test_a_customer_is_created_with_its_options_and_its_secret_is_shown_once(customers: Customers) -> None:
    texts = ["--name", "Acme [bold]Ltd", "--description", "of the north"]
    options = [*texts, "--header", "x-a=1=2", "--header", "X-B=b", "--timeout", "9s"]
    limits = ["--rate", "5", "--per", "1m", "--concurrency", "3", "--backlog", "4"]
    fields = {"retry": {"attempts": 2}, "limits": {"rate": 1}, "breaker": {"enabled": False}}
    done = customers.run(
        "create", "--id", "acme", "--webhook-url", NOWHERE, *options, *limits, "--fields", json.dumps(fields)
    )
    assert done.returncode == 0, done.stderr
    secret = done.stdout.split()[5].rstrip(",")
    assert done.stdout == f"the secret of acme is {secret}, shown this once\n"
    shown = customers.json("show", "acme")
    assert (shown["name"], shown["headers"], shown["timeout"]) == ("Acme [bold]Ltd", {"x-a": "1=2", "X-B": "b"}, "9s")
    assert shown["limits"] == {"rate": 5, "per": "1m", "concurrency": 3, "backlog": 4}
    assert (shown["retry"]["attempts"], shown["breaker"]["enabled"]) == (2, False)
    card = customers.run("show", "acme").stdout
    assert "Acme [bold]Ltd" in card
    assert "of the north" in card
    assert secret not in card + json.dumps(shown) + customers.run("list").stdout


def test_a_secret_comes_from_a_file_or_stdin(customers: Customers, folder: Path) -> None:
    first, second = "whsec_" + "QUJD" * 8, "whsec_" + "REVG" * 8
    (folder / "secret").write_text(first + "\n")
    assert customers.create("--id", "acme", "--secret-from", str(folder / "secret"))["secret"] == first
    rotated = customers.json("rotate-secret", "acme", "--secret-from", "-", "--grace", "1h", stdin=second)
    assert rotated["secret"] == second
    said = customers.run("rotate-secret", "acme").stdout
    assert "the one before stays valid until" in said


def test_customers_are_listed_with_what_they_do(customers: Customers) -> None:
    for name in ("a", "b", "c"):
        customers.create("--id", name, "--rate", "5")
    assert customers.run("pause", "b", "--reason", "a [red]test").stdout == "b is paused: a [red]test\n"
    assert [one["id"] for one in customers.json("list")["data"]] == ["a", "b", "c", "default"]
    assert [one["id"] for one in customers.json("list", "--paused")["data"]] == ["b"]
    assert [one["id"] for one in customers.json("list", "--running")["data"]] == ["a", "c", "default"]
    table = customers.run("list", "--limit", "2").stdout
    assert [line.split()[0] for line in table.splitlines()] == ["id", "a", "b", "there"]
    assert "5 per 1s" in table
    customers.run("update", "a", "--backlog", "90")
    assert "90 waiting" in customers.run("list", "--limit", "1").stdout
    assert customers.run("resume", "b").stdout == "b is running\n"


def test_an_update_changes_what_it_names(customers: Customers) -> None:
    customers.create("--id", "acme", "--header", "x-a=1", "--rate", "5", "--timeout", "3s")
    texts = ("--name", "New", "--description", "of the south")
    updated = customers.json("update", "acme", *texts, "--header", "x-a=", "--header", "x-b=2", "--rate", "6")
    assert (updated["name"], updated["headers"], updated["limits"]["rate"]) == ("New", {"x-b": "2"}, 6)
    assert (updated["timeout"], updated["version"]) == ("3s", 2)
    assert (updated["description"], customers.json("show", "acme")["description"]) == ("of the south", "of the south")
    stale = customers.run("update", "acme", "--name", "Old", "--if-version", "1")
    assert (stale.returncode, stale.stdout) == (1, "")
    assert stale.stderr == "sendoff: it was changed in the meantime and has version 2 now\n"
    again = customers.json("update", "acme", "--fields", '{"limits": {"rate": null}}', "--if-version", "2")
    assert again["limits"]["rate"] is None


def test_a_customer_is_deleted(customers: Customers) -> None:
    customers.create("--id", "acme")
    assert customers.run("delete", "acme", "--if-version", "7").returncode == 1
    deleted = customers.run("delete", "acme", "--if-version", "1")
    assert (deleted.returncode, deleted.stdout) == (0, "")
    assert "acme is deleted" in deleted.stderr
    assert "there is no customer 'acme'" in customers.run("show", "acme").stderr


def test_a_webhook_is_tried(customers: Customers, receiver: Receiver) -> None:
    created = customers.create("--id", "acme", "--webhook-url", receiver.url)
    done = customers.run("test", "acme")
    assert done.returncode == 0, done.stderr
    (received,) = receiver.received
    Webhook(created["secret"]).verify(received.body, received.headers)
    assert f"POST {receiver.url}" in done.stdout
    assert "answered 200 after" in done.stdout
    assert done.stdout.splitlines()[-1] == "delivered"
    receiver.answer(500, body="\x1b[31mout of order")
    failed = customers.run("test", "acme")
    assert failed.returncode == 1
    assert "\x1b" not in failed.stdout
    assert failed.stdout.splitlines()[-1] == "not delivered: status: the webhook answered 500"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("create",), 1, "/webhookUrl: is required"),
        (("create", "--webhook-url", "http://10.0.0.1/"), 1, "/webhookUrl: expected a URL with a public address"),
        (("create", "--webhook-url", NOWHERE, "--timeout", "soon"), 1, "/timeout: expected a duration"),
        (("create", "--webhook-url", NOWHERE, "--header", "host=x"), 1, "/headers: expected another name than host"),
        (("create", "--webhook-url", NOWHERE, "--header", "x"), 2, "expected NAME=VALUE"),
        (("create", "--webhook-url", NOWHERE, "--fields", "{"), 2, "expected JSON"),
        (("create", "--webhook-url", NOWHERE, "--fields", "[]"), 2, "expected a JSON object"),
        (("create", "--webhook-url", NOWHERE, "--fields", "@missing"), 2, "missing cannot be read"),
        (("create", "--webhook-url", NOWHERE, "--secret-from", "missing"), 2, "missing cannot be read"),
        (("update", "default", "--name", "x"), 1, "the default customer follows config.yaml"),
        (("delete", "default"), 1, "the default customer belongs to config.yaml"),
        (("show", "no/body"), 1, "there is no customer 'no/body'"),
        (("pause", "nobody"), 1, "there is no customer 'nobody'"),
        (("rotate-secret", "default", "--grace", "8d"), 1, "/grace: expected a duration between 0s and 7d"),
        (("list", "--limit", "0"), 2, "--limit"),
        (("show",), 2, "ID"),
        (("rename",), 2, "rename"),
    ],
)
def test_a_mistake_is_one_clear_sentence(customers: Customers, words: tuple[str, ...], code: int, said: str) -> None:
    refused = customers.run(*words)
    assert refused.returncode == code, refused.stderr
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""
