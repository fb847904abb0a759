"""`sendoff send`: one message from the command line."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.command_line import Running, invoke
from support.waiting import wait_until
from support.whole_sendoff import free_port


def send(up: Running, folder: Path, *arguments: str, stdin: str = "") -> dict[str, Any]:
    done = invoke("send", "--to", "jane", *arguments, "--url", up.url, "--json", folder=folder, stdin=stdin)
    assert done.returncode == 0, done.stderr
    message: dict[str, Any] = json.loads(done.stdout)
    return message


def test_the_id_and_the_time_are_printed(up: Running, folder: Path) -> None:
    done = invoke("send", "--to", "jane", "--content", "x", "--in", "1h", "--url", up.url, folder=folder)
    message, due = done.stdout.split()
    assert up.get(f"/v1/messages/{message}")["deliverAt"] == due
    assert datetime.fromisoformat(due) > datetime.now(UTC)


def test_everything_that_was_given_goes_along(up: Running, folder: Path) -> None:
    at = "2099-01-31T08:00:00Z"
    message = send(
        up,
        folder,
        "--content",
        "x",
        "--at",
        at,
        "--metadata",
        "a=1",
        "--metadata",
        "b=2=3",
        "--reference",
        "order 4711",
    )
    assert message["deliverAt"] == "2099-01-31T08:00:00.000000Z"
    assert (message["to"], message["metadata"]) == ("jane", {"a": "1", "b": "2=3"})
    assert message["reference"] == "order 4711"


def test_the_content_comes_from_a_file_or_stdin_and_may_be_json(up: Running, folder: Path) -> None:
    (folder / "content.json").write_text('{"a": [1, null]}')
    assert send(up, folder, "--content", "@content.json")["content"] == '{"a": [1, null]}'
    assert send(up, folder, "--content", "@content.json", "--json-content")["content"] == {"a": [1, None]}
    assert send(up, folder, "--content", "-", stdin="grüße")["content"] == "grüße"
    assert send(up, folder, "--content", "0", "--json-content")["content"] == 0


def test_a_message_is_explained(up: Running, folder: Path) -> None:
    message = send(up, folder, "--content", "x", "--in", "1h")

    def explained() -> str:
        done = invoke("explain", message["id"], "--url", up.url, folder=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert f"{message['id']} of default is scheduled" in explained()
    # On a busy machine no worker may have given a sign of life yet.
    wait_until(lambda: f"next try: {message['deliverAt']}" in explained(), "the message waits for its time only")
    unknown = invoke("explain", "msg_" + "0" * 32, "--url", up.url, folder=folder)
    assert (unknown.returncode, "there is no message" in unknown.stderr) == (1, True)


def test_the_same_key_is_the_same_message(up: Running, folder: Path) -> None:
    key = ("--content", "x", "--in", "1h", "--idempotency-key", "k1")
    assert send(up, folder, *key)["id"] == send(up, folder, *key)["id"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--content", "x", "--in", "soon"), 1, "/delay: expected a duration"),
        (("--content", "x", "--at", "2099-01-31T08:00:00"), 1, "/deliverAt: expected a time zone"),
        (("--content", "x", "--customer", "nobody"), 1, "nobody"),
        (("--content", "x" * 70_000), 1, "content"),
        (("--content", "x", "--in", "1s", "--at", "2099-01-31T08:00:00Z"), 2, "either --in or --at"),
        (("--content", "{", "--json-content"), 2, "expected JSON"),
        (("--content", "@missing"), 2, "missing cannot be read"),
        (("--content", "x", "--metadata", "a"), 2, "KEY=VALUE"),
        (("--content", "x", "--metadata", "a=1", "--metadata", "a=2"), 2, "each key once"),
        ((), 2, "--content"),
    ],
)
def test_a_mistake_is_one_clear_sentence(
    up: Running, folder: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    refused = invoke("send", "--to", "jane", *arguments, "--url", up.url, folder=folder)
    assert refused.returncode == code
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


def test_without_an_api_it_says_what_to_do(folder: Path) -> None:
    port = free_port()
    failed = invoke("send", "--to", "a", "--content", "b", folder=folder, HTTP__PORT=str(port))
    assert failed.returncode == 1
    assert failed.stderr == (
        f"sendoff: no API at http://127.0.0.1:{port} (Connection refused): start `sendoff up`, or name one with --url\n"
    )
