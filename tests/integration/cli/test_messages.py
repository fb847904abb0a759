"""`sendoff messages` and `sendoff dead-letters`: found, shown, moved, cancelled and sent again by hand."""

from typing import Any

import pytest

from support.api import Api
from support.api_command import ApiCommand
from support.places import bury, deliver, fail


async def test_messages_are_found_by_every_filter_of_the_api(
    api: Api, command: ApiCommand, subtests: pytest.Subtests
) -> None:
    given: dict[str, Any] = {"metadata": {"orderId": "4711", "a.b": "c d"}, "reference": "order 4711"}
    wanted = await api.create(to="jane", **given)
    await deliver(api.db, wanted)
    for number in range(3):
        await api.create(to=f"n{number}", delay="1h")
    for words in (
        ("--status", "sent"),
        ("--to", "jane"),
        ("--reference", "order 4711"),
        ("--metadata", "orderId=4711", "--metadata", "a.b=c d"),
        ("--sent-after", "2020-01-01T00:00:00Z"),
        ("--created-after", "2020-01-01T00:00:00Z", "--customer", "default", "--to", "jane"),
    ):
        with subtests.test(words=words):
            found = (await command.json("messages", "list", *words))["data"]
            assert [(one["id"], one["reference"]) for one in found] == [(wanted["id"], "order 4711")]
    assert (await command.json("messages", "list", "--created-before", "2020-01-01T00:00:00Z"))["data"] == []
    shown = await command.said("messages", "list", "--limit", "2")
    assert ("n2" in shown, "n1" in shown, "n0" in shown, "raise --limit" in shown) == (True, True, False, True)
    first = await command.json("messages", "list", "--limit", "3")
    rest = await command.json("messages", "list", "--cursor", first["nextCursor"])
    assert ([one["to"] for one in rest["data"]], rest["nextCursor"]) == (["jane"], None)


async def test_a_message_is_shown_moved_cancelled_and_sent_again(api: Api, command: ApiCommand) -> None:
    message = await api.create(to="jane [bold]", delay="1h", reference="r1")
    assert (await command.json("messages", "show", message["id"])) == message
    assert "jane [bold]" in await command.said("messages", "show", message["id"])
    moved = await command.json("messages", "reschedule", message["id"], "--at", "2099-01-31T08:00:00Z")
    assert moved["deliverAt"] == "2099-01-31T08:00:00.000000Z"
    assert message["id"] in await command.said("messages", "reschedule", message["id"], "--in", "1h")
    assert "is cancelled" in await command.said("messages", "cancel", message["id"])
    again = await command.run("messages", "cancel", message["id"])
    assert (again.returncode, "is cancelled and cannot be cancelled" in again.stderr) == (1, True)
    assert (await command.json("messages", "resend", message["id"]))["status"] == "scheduled"
    assert "no attempt was made" in await command.said("messages", "attempts", message["id"])
    await fail(api.db, message)
    assert "503" in await command.said("messages", "attempts", message["id"])
    assert len((await command.json("messages", "attempts", message["id"]))["data"]) == 1


async def test_dead_letters_are_found_shown_sent_again_and_deleted(api: Api, command: ApiCommand) -> None:
    first, second = await api.create(to="jane", reference="r1"), await api.create(to="joe")
    await bury(api.db, first)
    await bury(api.db, second, "expired")
    for words, wanted in {
        ("--reference", "r1"): [first],
        ("--reason", "expired"): [second],
        ("--to", "joe", "--customer", "default"): [second],
        ("--created-before", "2020-01-01T00:00:00Z"): [],
    }.items():
        found = (await command.json("dead-letters", "list", *words))["data"]
        assert [one["id"] for one in found] == [one["id"] for one in wanted], words
    assert "exhausted" in await command.said("dead-letters", "list")
    shown = await command.said("dead-letters", "show", first["id"])
    assert ("the webhook said 503" in shown, "reference" in shown) == (True, True)
    assert (await command.json("dead-letters", "resend", first["id"]))["status"] == "scheduled"
    assert await command.json("dead-letters", "delete", second["id"]) == {"id": second["id"], "deleted": True}
    gone = await command.run("dead-letters", "show", second["id"])
    assert (gone.returncode, "there is no dead letter" in gone.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("messages", "list", "--metadata", "orderId"), 2, "expected KEY=VALUE"),
        (("messages", "list", "--status", "lost"), 2, "'lost' is not one of"),
        (("messages", "list", "--reference", ""), 1, "?reference"),
        (("messages", "list", "--created-after", "yesterday"), 1, "?createdAfter"),
        (("messages", "show", "msg_1"), 1, "there is no message"),
        (("messages", "show", "../customers"), 1, "there is no message"),
        (("messages", "reschedule", "msg_1"), 2, "expected either --in or --at"),
        (("dead-letters", "delete", "msg_" + "0" * 32), 1, "there is no dead letter"),
        (("dead-letters", "resend"), 2, "expected an ID, filters or --all"),
        (("dead-letters", "resend", "msg_1", "--to", "jane"), 2, "not both"),
        (("dead-letters", "resend", "msg_1", "--dry-run"), 2, "not both"),
        (("dead-letters", "resend", "--all", "--to", "jane"), 2, "expected either filters or --all"),
        (("dead-letters", "purge", "--yes"), 2, "expected either filters or --all"),
        (("dead-letters", "purge", "--to", "", "--yes"), 1, "/to"),
        (("dead-letters", "purge", "--all", "--rate", "0"), 2, "--rate"),
        (("jobs", "show", "job_1"), 1, "there is no job"),
        (("jobs", "watch", "../customers"), 1, "there is no job"),
        (("jobs", "list", "--state", "lost"), 2, "'lost' is not one of"),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(
    command: ApiCommand, words: tuple[str, ...], code: int, said: str
) -> None:
    done = await command.run(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
