"""The log: one line an event whatever others have written, and whatever Python says."""

import json
import subprocess
import sys

import pytest

from sendoff_actors.handoffs import Handoff

EVIL = "a\nERROR forged\r\x1b[2J\x7f\x9b\u2028\u2029\u202e\u2066\x00\ud800z"
PROGRAM = """
import gc, logging, sys, threading, warnings
import structlog
from sendoff_config.logs import configure_logging
from sendoff_config.logging_settings import LoggingSettings

evil = sys.argv[2].encode().decode("unicode_escape")
configure_logging(LoggingSettings(format=sys.argv[1], level="debug"), process="p")
structlog.get_logger("one").warning(evil, customer=evil, many=[evil], key={evil: evil})
logging.getLogger("two").error("said %s", evil)
try:
    raise ValueError(evil)
except ValueError:
    structlog.get_logger("three").exception("failed", error=evil)
    logging.getLogger("four").exception(evil)
warnings.warn(evil)
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()

class Bad:
    def __del__(self):
        raise OSError(evil)

Bad()
gc.collect()
raise RuntimeError(evil)
"""


def logged(kind: str) -> str:
    evil = EVIL.encode("unicode_escape").decode()
    done = subprocess.run([sys.executable, "-c", PROGRAM, kind, evil], capture_output=True, timeout=60, check=False)
    assert done.stdout == b""
    return done.stderr.decode()


def test_every_line_for_programs_is_json() -> None:
    lines = logged("json").rstrip("\n").split("\n")
    events = [json.loads(line) for line in lines]
    assert all({"event", "level", "logger", "timestamp"} <= event.keys() for event in events)
    assert [event["logger"] for event in events] == [
        "one",
        "two",
        "three",
        "four",
        "py.warnings",
        *["sendoff.python"] * 3,
    ]
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert events[0]["customer"] == EVIL


def test_what_others_write_begins_no_line_for_people_and_commands_no_terminal() -> None:
    lines = logged("console").rstrip("\n").split("\n")
    assert all(line.isprintable() for line in lines)
    assert not [line for line in lines if not line.startswith(("20", "  | "))]
    assert "a\\nERROR forged\\r\\x1b[2J\\x7f\\x9b\\u2028\\u2029\\u202e\\u2066\\x00\\ud800z" in lines[0]


@pytest.mark.parametrize("write", [str, repr, "{}".format])
def test_a_hand_off_is_named_by_its_id_alone(write: type[str]) -> None:
    handoff = Handoff(queue_name="q", actor_name="send", args=({"content": "secret"},), kwargs={}, options={})
    assert write(handoff) == f"send {handoff.message_id}"
