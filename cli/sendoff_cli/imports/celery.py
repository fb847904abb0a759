"""Tasks that wait in a Redis of Celery, as messages. It is only read: nothing is removed or acknowledged.

A task with an `eta` (or `countdown`) is in a queue until a worker takes it, and then in the hash `unacked` until its
time. Tasks move from one to the other meanwhile, so the queues are read before and after the hash; each task is taken
once, by its id. What a message looks like: Celery's message protocol, versions 1 and 2, in the envelope of kombu.
"""

import base64
import binascii
import hashlib
import json
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import redis

from sendoff_cli.imports.source_line import Source, SourceLine
from sendoff_domain.errors import SendoffError
from sendoff_domain.times import format_moment
from sendoff_intake.jobs.import_lines import KEY_MEMBER

_TIMEOUT_SECONDS = 10
_PAGE = 500
#: How kombu names the lists of a queue for messages of other priorities than 0.
_PRIORITIES = ("", "\x06\x163", "\x06\x166", "\x06\x169")
_NULL = msgspec.Raw(b"null")
_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, binascii.Error, msgspec.DecodeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class CeleryTasks:
    """Which tasks, and what becomes of them: `to` is a fixed recipient, `to_argument` the keyword that holds it."""

    url: str
    queues: tuple[str, ...] = ("celery",)
    key_prefix: str = ""
    tasks: frozenset[str] = frozenset()
    customer: str | None = None
    to: str | None = None
    to_argument: str | None = None


class _SkippedError(Exception):
    """A task is left out, and why."""


def read_celery(wanted: CeleryTasks) -> Source:
    """The tasks that wait for their time; raises SendoffError when Redis can't be read."""
    skipped: Counter[str] = Counter()
    return Source(_lines(wanted, skipped), skipped)


def _lines(wanted: CeleryTasks, skipped: Counter[str]) -> Generator[SourceLine, None, None]:
    seen: set[str] = set()
    for text in _each_once(_texts(wanted)):
        try:
            found = json.loads(text)
            task = _Task.read(found[0] if isinstance(found, list) else found)
            if task.id in seen:
                continue
            seen.add(task.id)
            message = _message(task, wanted)
        except _SkippedError as why:
            skipped[str(why)] += 1
        except _UNREADABLE:
            skipped["not a task"] += 1
        else:
            yield SourceLine(len(seen), message)


def _each_once(texts: Iterable[bytes | str]) -> Iterator[bytes | str]:
    """What is read twice in the same words, such as what stays in a queue: also what can't be read is counted once."""
    digests: set[bytes] = set()
    for text in texts:
        digest = hashlib.blake2b(text if isinstance(text, bytes) else text.encode(), digest_size=16).digest()
        if digest not in digests:
            digests.add(digest)
            yield text


def _texts(wanted: CeleryTasks) -> Iterator[bytes | str]:
    """What is in the queues, and in the hash, where each is a list that begins with the same."""
    client = redis.Redis.from_url(wanted.url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS)
    lists = [f"{wanted.key_prefix}{queue}{priority}" for queue in wanted.queues for priority in _PRIORITIES]
    try:
        yield from _queued(client, lists)
        for _, text in client.hscan_iter(f"{wanted.key_prefix}unacked", count=_PAGE):
            yield text
        yield from _queued(client, lists)
    except (redis.RedisError, OSError) as error:
        raise SendoffError(f"the Redis of Celery can't be read: {error}") from None
    finally:
        client.close()


def _queued(client: "redis.Redis", lists: list[str]) -> Iterator[bytes | str]:
    for name in lists:
        start = 0
        while texts := client.lrange(name, start, start + _PAGE - 1):
            yield from texts
            start += _PAGE


@dataclass(frozen=True, slots=True)
class _Task:
    """What a task says, whichever version of the protocol it has; the arguments are JSON as it was written."""

    id: str
    name: str
    eta: str | None
    expires: str | None
    args: msgspec.Raw
    kwargs: msgspec.Raw

    @classmethod
    def read(cls, envelope: dict[str, Any]) -> "_Task":
        headers = envelope.get("headers") or {}
        if envelope.get("content-type") != "application/json":
            raise _SkippedError(f"serialized as {envelope.get('content-type')}: only JSON can be read")
        if headers.get("compression"):
            raise _SkippedError(f"compressed by {headers['compression']}")
        body = envelope["body"]
        if envelope["properties"].get("body_encoding") == "base64":
            body = base64.b64decode(body, validate=True)
        if "task" in headers:
            args, kwargs, _ = msgspec.json.decode(body, type=list[msgspec.Raw])
            return cls(headers["id"], headers["task"], headers.get("eta"), headers.get("expires"), args, kwargs)
        old = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        task_id, name = msgspec.json.decode(old["id"], type=str), msgspec.json.decode(old["task"], type=str)
        eta, expires = (msgspec.json.decode(old.get(one, _NULL), type=str | None) for one in ("eta", "expires"))
        return cls(task_id, name, eta, expires, old["args"], old["kwargs"])


def _message(task: _Task, wanted: CeleryTasks) -> bytes:
    if wanted.tasks and task.name not in wanted.tasks:
        raise _SkippedError("another task than those of --task")
    if task.eta is None:
        raise _SkippedError("no eta: a worker runs it at once")
    message: dict[str, Any] = {
        "to": _recipient(task, wanted),
        "content": {"task": task.name, "args": task.args, "kwargs": task.kwargs},
        "deliverAt": _moment(task.eta),
        "reference": task.id,
        KEY_MEMBER: f"celery-{task.id}",
    }
    if task.expires is not None:
        message["expiresAt"] = _moment(task.expires)
    if wanted.customer is not None:
        message["customer"] = wanted.customer
    return msgspec.json.encode(message)


def _recipient(task: _Task, wanted: CeleryTasks) -> str:
    if wanted.to_argument is None:
        return wanted.to or task.name
    found = json.loads(bytes(task.kwargs)).get(wanted.to_argument)
    if found is None:
        raise _SkippedError(f"no argument {wanted.to_argument!r} by name")
    return str(found)


def _moment(text: str) -> str:
    """A moment as the API reads it; one without a time zone is in UTC, as Celery has it unless told otherwise."""
    moment = datetime.fromisoformat(text)
    return format_moment(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
