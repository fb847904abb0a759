"""The line of the log that an attempt has."""

import msgspec
import pytest

from sendoff_actors.handoffs import Claimed
from sendoff_actors.sender.attempt_log import AttemptLog, attempt_line
from sendoff_config.logging_settings import LoggedAttempts
from sendoff_domain.outcome import Delivered, ErrorClass, Failed

ID = "01a21b0e351d7f01a548fd05ea192af7"
CLAIMED = Claimed(
    id=ID,
    customer="acme",
    incarnation=3,
    due_at=1000.5,
    expires_at=None,
    attempts=1,
    generation=0,
    token=7,
    payload='{"content":"a secret"}',
    moved=0.25,
)


def test_a_delivered_attempt_is_told_with_how_long_it_took_and_how_late_it_was() -> None:
    assert attempt_line(CLAIMED, Delivered(status_code=204, duration_us=1234), 1000.3) == {
        "message": f"msg_{ID}",
        "customer": "acme",
        "attempt": 2,
        "outcome": "delivered",
        "status": 204,
        "ms": 1.2,
        "late_ms": 50.0,
    }


def test_a_failed_attempt_is_told_by_its_class_and_without_its_answer() -> None:
    failed = Failed(ErrorClass.TIMEOUT, "no answer from https://a.test/?key=secret", 15_000_800, answer=b"secret")
    line = attempt_line(msgspec.structs.replace(CLAIMED, generation=1), failed, 1000.25)
    assert (line["outcome"], line["status"], line["ms"], line["late_ms"]) == ("timeout", None, 15000.8, 0.0)
    assert line["generation"] == 1
    assert "secret" not in str(line)


def test_a_line_has_the_trace_of_its_message() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    line = attempt_line(msgspec.structs.replace(CLAIMED, trace=trace), Delivered(200, 1), 1001.0)
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("wanted", "delivered", "failed"), [("none", False, False), ("failed", False, True), ("all", True, True)]
)
def test_a_setting_says_which_attempts_have_a_line(wanted: LoggedAttempts, delivered: bool, failed: bool) -> None:
    attempts = AttemptLog(wanted)
    assert (attempts.delivered, attempts.failed) == (delivered, failed)
