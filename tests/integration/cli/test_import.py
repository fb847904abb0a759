"""`sendoff import`: files, Celery and QStash, asked for, followed to the end, and every refused line named."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from support.api import Api
from support.api_command import ApiCommand
from support.customers import create
from support.jobs import steps_taken
from support.servers import RedisUrls


def counts(job: dict[str, Any]) -> tuple[int, int, int, int]:
    return job["matched"], job["done"], job["skipped"], job["rejected"]


def ndjson(path: Path, count: int, **fields: Any) -> str:
    texts = [json.dumps({"to": f"n{number}", "content": number, **fields}) for number in range(count)]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return str(path)


async def test_a_file_is_imported_once_and_again_only_if_that_is_said(
    api: Api, command: ApiCommand, tmp_path: Path
) -> None:
    path = ndjson(tmp_path / "a.ndjson", 1_200, delay="1h")
    async with steps_taken(api):
        said = await command.run("import", path, stdin="y\n")
        assert said.returncode == 0, said.stderr
        assert f"import 1200 messages of {path}? [y/N]" in said.stderr
        assert "is done: 1200 of 1200 done" in said.stderr
        assert "this was imported before" in await command.said("import", path, "--yes")
        assert await api.count("messages") == 1_200
        assert counts(await command.json("import", path, "--yes", "--again")) == (1_200, 1_200, 0, 0)
    assert await api.count("messages") == 2_400


async def test_a_no_imports_nothing(api: Api, command: ApiCommand, tmp_path: Path) -> None:
    refused = await command.run("import", ndjson(tmp_path / "a.ndjson", 2), stdin="n\n")
    assert (refused.returncode, "is cancelled, nothing was done" in refused.stderr) == (1, True)
    assert await api.count("messages") == 0


async def test_lines_that_are_refused_are_named_and_end_the_command_with_one(
    api: Api, command: ApiCommand, tmp_path: Path
) -> None:
    await create(api, id="acme")
    path = tmp_path / "a.csv"
    path.write_text('email,content,delay\njane,"two\nlines",soon\n\njoe,hello,1h\n,nobody,\n', encoding="utf-8")
    async with steps_taken(api):
        done = await command.run("import", str(path), "--map", "email=to", "--customer", "acme", "--yes")
    assert done.returncode == 1
    assert ("line 2: " in done.stderr, "line 6: " in done.stderr, "2 refused" in done.stderr) == (True, True, True)
    assert (await api.get("/v1/messages")).json["data"][0]["to"] == "joe"
    assert await api.count("messages") == 1


async def test_what_would_be_imported_can_be_printed(command: ApiCommand, api: Api, tmp_path: Path) -> None:
    path = ndjson(tmp_path / "a.ndjson", 2)
    said = await command.said("import", path, "--print", "--customer", "acme")
    assert '{"customer":"acme","to":"n1","content":1}' in said
    assert await api.count("jobs") == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("import", "nowhere.csv"), 2, "there is no file nowhere.csv"),
        (("import", "redis://127.0.0.1:1/0", "--from", "celery", "--print"), 1, "Redis of Celery can't be read"),
    ],
)
async def test_what_is_wrong_is_said(command: ApiCommand, words: tuple[str, ...], code: int, said: str) -> None:
    done = await command.run(*words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


async def test_messages_of_qstash_are_imported_once(api: Api, command: ApiCommand, tmp_path: Path) -> None:
    await create(api, id="acme")
    path = tmp_path / "q.json"
    url = "https://acme.example/hook"
    message = {"messageId": "msg_1", "url": url, "body": '{"n": 1}', "header": {"content-type": ["application/json"]}}
    path.write_text(json.dumps([message, {"scheduleId": "scd_1", "cron": "0 0 * * *"}]), encoding="utf-8")
    words = ("import", str(path), "--from", "qstash", "--destination", f"{url}=acme", "--yes")
    async with steps_taken(api):
        assert counts(await command.json(*words)) == (1, 1, 0, 0)
        said = await command.run(*words)
    assert ("1 left out: a schedule with cron" in said.stderr, "1 skipped" in said.stderr) == (True, True)
    found = (await api.get("/v1/messages?customer=acme")).json["data"][0]
    assert (found["content"], found["reference"]) == ({"n": 1}, "msg_1")


@pytest.fixture
def broker(redis_urls: RedisUrls) -> Iterator["redis.Redis"]:
    """The Redis that a Celery would use."""
    client = redis.Redis.from_url(redis_urls.broker)
    yield client
    client.close()


def envelope(task_id: str, *, eta: datetime | None, **changes: Any) -> dict[str, Any]:
    """A task as Celery 5.7 put it into Redis, under another id and with another eta."""
    embedded = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    body = json.dumps([[1, "two"], {"user": "jane"}, embedded])
    headers: dict[str, Any] = {
        "lang": "py",
        "task": "app.remind",
        "id": task_id,
        "shadow": None,
        "eta": None if eta is None else eta.isoformat(),
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": 0,
        "timelimit": [None, None],
        "root_id": task_id,
        "parent_id": None,
        "argsrepr": "(1, 'two')",
        "kwargsrepr": "{'user': 'jane'}",
        "origin": "gen17742@vm",
        "ignore_result": False,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
    properties: dict[str, Any] = {
        "correlation_id": task_id,
        "reply_to": "f0e777d2-4a1b-3687-89e3-88a177b7626e",
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": "celery"},
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": "0eb23ad9-8208-484c-822d-1fb9f785e731",
    }
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": properties,
        **changes,
    }


async def test_tasks_that_wait_in_celery_are_read_once_and_left_where_they_are(
    api: Api, command: ApiCommand, broker: "redis.Redis", redis_urls: RedisUrls
) -> None:
    await create(api, id="acme")
    eta = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    queued, held = envelope("in-queue", eta=eta), envelope("held", eta=eta)
    broker.lpush("celery", json.dumps(queued), json.dumps(envelope("at-once", eta=None)), json.dumps(held))
    broker.lpush("celery\x06\x169", json.dumps(envelope("urgent", eta=eta.replace(tzinfo=None))))
    broker.hset("unacked", "tag", json.dumps([held, "", "celery"]))
    broker.lpush("celery", json.dumps({**queued, "content-type": "application/x-python-serialize"}))
    before = {key: broker.dump(key) for key in broker.scan_iter()}
    words = ("import", redis_urls.broker, "--from", "celery", "--customer", "acme", "--to-argument", "user", "--yes")
    async with steps_taken(api):
        assert counts(await command.json(*words)) == (3, 3, 0, 0)
        again = await command.run(*words)
    assert "is done: 0 of 3 done, 3 skipped" in again.stderr
    assert "1 left out: serialized as application/x-python-serialize" in again.stderr
    assert "1 left out: no eta" in again.stderr
    assert {key: broker.dump(key) for key in broker.scan_iter()} == before
    found = (await api.get("/v1/messages?customer=acme&reference=held")).json["data"][0]
    assert found["content"] == {"task": "app.remind", "args": [1, "two"], "kwargs": {"user": "jane"}}
    assert (found["to"], datetime.fromisoformat(found["deliverAt"])) == ("jane", eta)
