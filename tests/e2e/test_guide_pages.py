"""What the guide says to do is done to the letter: each block of code of a page, on a Sendoff that all pages share.

`redis-cli` and `nats` stand in for themselves where they are not installed: they speak with the real servers.
"""

import base64
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from sendoff_cli.servers.binaries import postgres_programs
from sendoff_cli.servers.unprivileged import SHARED, postgres_account, reachable_programs
from support.layout import ROOT
from support.pages import code_blocks
from support.readers import Reader
from support.servers import RedisUrls, open_folder
from support.stand_ins import put_stand_ins
from support.terminals import terminals
from support.warm_command import warm_command
from support.whole_sendoff import free_port

DOCS = ROOT / "docs"
#: All that have something to type; the others only tell.
PAGES = sorted(
    str(page.relative_to(DOCS))
    for folder in ("how-to", "operations")
    for page in (DOCS / folder).glob("*.md")
    if any(block.language in ("sh", "python") for block in code_blocks(page))
)
#: What can't be run here, page by page, in the words of the page.
NOT_RUN: dict[str, list[str]] = {}


@dataclass(frozen=True)
class Machine:
    """Where the reader sits: a folder, its settings, and what the ports of the pages are called here."""

    folder: Path
    settings: dict[str, str]
    ports: dict[str, str]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """What the tutorial leaves behind: Sendoff runs, and there is the customer acme."""
    ports = {name: str(free_port()) for name in ("8080", "8081", "9000", "9001", "5433")}
    settings = {"SENDOFF_HTTP__PORT": ports["8080"], "SENDOFF_WORKERS__PROCESSES": "1"}
    settings |= {"SENDOFF_SECURITY__ALLOWED_NETWORKS": "[127.0.0.0/8]"}
    with open_folder() as folder:
        (folder / "config.yaml").symlink_to(ROOT / "config.yaml")
        with warm_command(_environment(folder) / "sendoff"), terminals(folder, settings) as opened:
            opened.start("1", ". .venv/bin/activate\nsendoff up")
            opened.wait_for("1", "Sendoff is ready")
            opened.run(". .venv/bin/activate")
            opened.run(f"sendoff customers create --id acme --webhook-url http://127.0.0.1:{ports['9000']}/")
            yield Machine(folder, settings, ports)
            _end_server(folder / "restored")


@pytest.fixture
def celery(redis_urls: RedisUrls) -> str:
    """The Redis of a Celery in which a task waits for the day after tomorrow."""
    eta = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    task = {
        "body": base64.b64encode(b'[[], {"user": "jane"}, {}]').decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"task": "app.remind", "id": "reminder-4711", "eta": eta, "expires": None},
        "properties": {"body_encoding": "base64"},
    }
    with redis.Redis.from_url(redis_urls.broker) as client:
        client.lpush("celery", json.dumps(task))
    return redis_urls.broker


@pytest.fixture
def qstash(machine: Machine) -> None:
    """What was saved of QStash: a message that waits there."""
    due = datetime.now(UTC) + timedelta(days=2)
    waiting = {"messageId": "msg_1", "url": "https://acme.example/hook", "body": "hello"}
    text = json.dumps([{**waiting, "notBefore": int(due.timestamp() * 1000)}])
    (machine.folder / "messages.json").write_text(text, encoding="utf-8")


@pytest.fixture
def reader(machine: Machine, celery: str, qstash: None) -> Iterator[Reader]:
    """Somebody with new terminals, in whose second one the environment is active, who comes from elsewhere."""
    elsewhere = {"redis://127.0.0.1:6379/0": celery, "localhost:8080": f"localhost:{machine.ports['8080']}"}
    with terminals(machine.folder, machine.settings) as opened:
        opened.run(". .venv/bin/activate")
        yield Reader(opened, machine.ports | elsewhere)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_works_to_the_letter(reader: Reader, page: str) -> None:
    reader.follow(DOCS / page)
    assert reader.not_run == NOT_RUN.get(page, [])


def _environment(folder: Path) -> Path:
    """The programs of an environment in which the command is warm, and PostgreSQL's are within its user's reach."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    put_stand_ins(programs)
    postgres = reachable_programs(postgres_programs(), postgres_account(folder / "postgres"), SHARED)
    path = ":".join(map(str, (programs, postgres, Path(sys.executable).parent)))
    (programs / "activate").write_text(f"PATH={path}:$PATH\n", encoding="utf-8")
    return programs


def _end_server(folder: Path) -> None:
    """End what a page has started without a terminal, when it was not followed to its end."""
    record = folder / "postmaster.pid"
    if record.exists():
        os.kill(int(record.read_text().splitlines()[0]), signal.SIGQUIT)
