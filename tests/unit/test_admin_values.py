"""What pages show: unknown is a dash and never a zero, a chart has gaps for it, and the worst comes first."""

from dataclasses import replace
from typing import Any

import pytest

from sendoff_http.admin.attention import find_concerns
from sendoff_http.admin.charts import HEIGHT, WIDTH, draw_chart, nice_top
from sendoff_http.admin.job_words import change_in_words, selected_in_words
from sendoff_http.admin.notices import Notice, read_notice
from sendoff_http.admin.rendering import Rendering, compile_templates
from sendoff_http.admin.samples import Backlog
from sendoff_http.admin.session_cookie import read_session, seal_session
from sendoff_http.admin.shown import (
    DASH,
    shortened,
    shown_milliseconds,
    shown_moment,
    shown_number,
    shown_sentence,
    shown_text,
)
from support.layout import ROOT

QUIET = Backlog(0, False, 0, False, 0, False, None, 0, 1)
FLEET: dict[str, Any] = {
    "desired": "running",
    "revision": 1,
    "converged": True,
    "instances": [{"actual": "running"}],
    "unconfirmed": [],
    "buses": {"nats": "up", "redis": "up"},
}


def test_what_is_not_known_is_a_dash_and_what_is_zero_is_a_zero() -> None:
    for show in (shown_number, shown_milliseconds, shown_moment, shown_text):
        assert show(None) == DASH
    assert (shown_number(0), shown_milliseconds(0)) == ("0", "0.0 ms")
    assert shown_number(12_345_678_901_234_567_890) == "12,345,678,901,234,567,890"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.84, "0.8 ms"), (340, "340 ms"), (12_400, "12.4 s"), (192_000, "3.2 min"), (5_400_000, "1.5 h")],
)
def test_a_duration_has_the_unit_of_its_size(value: float, shown: str) -> None:
    assert shown_milliseconds(value) == shown


def test_a_moment_is_in_utc_until_a_script_knows_better() -> None:
    shown = shown_moment("2026-01-31T08:00:00.000000+01:00")
    assert 'datetime="2026-01-31T07:00:00.000000Z"' in shown
    assert "31 Jan 2026, 07:00:00 UTC" in shown


def test_a_long_id_keeps_its_end_by_which_ids_differ() -> None:
    assert shortened("msg_0192f0c1a2b37c4d8e5f60718293a4b5") == "msg_0192…8293a4b5"
    assert shortened("default") == "default"


def test_a_chart_has_a_gap_where_nothing_is_known_and_none_where_there_was_nothing() -> None:
    chart = draw_chart("due", "Due", [("due", [None, 0, 5, None, 10])], lambda value: f"{value:g}")
    assert chart.lines[0].path == f"M{WIDTH / 4:g} {HEIGHT}L{WIDTH / 2:g} {HEIGHT / 2:g} M{WIDTH} 0h.01"
    assert (chart.top, chart.half, chart.lines[0].last) == ("10", "5", "10")
    assert draw_chart("due", "Due", [("due", [None, None])], str).is_empty


@pytest.mark.parametrize(("highest", "top"), [(0, 1), (1, 1), (1.2, 2), (20, 20), (21, 50), (51, 100), (1e20, 1e20)])
def test_a_scale_ends_at_a_round_number(highest: float, top: float) -> None:
    assert nice_top(highest) == pytest.approx(top)


def test_a_fleet_at_rest_needs_nobody_and_a_stopped_one_comes_first() -> None:
    assert find_concerns(FLEET, QUIET, []) == []
    died = Backlog(0, False, 0, False, 1, False, None, 1001, 1)
    stopped = {**FLEET, "desired": "stopped", "converged": False, "unconfirmed": ["one-worker-0"]}
    titles = [concern.title for concern in find_concerns(stopped, died, [])]
    assert titles == [
        "The fleet is stopped",
        "The fleet has not converged",
        "more than 1,000 dead letters within the last hour",
    ]
    assert find_concerns(FLEET, replace(QUIET, workers=0), [])[0].title == "No worker is alive"
    assert find_concerns(None, QUIET, [])[0].title == "The state of the fleet is not known"


def test_a_session_counts_for_its_key_and_secret_and_time_only() -> None:
    session = read_session(seal_session(b"k" * 32, "config:jane", b"digest", 1000))
    assert session is not None
    assert session.is_genuine(b"k" * 32, b"digest", 999)
    assert not session.is_genuine(b"k" * 32, b"digest", 1000)
    assert not session.is_genuine(b"k" * 32, b"another", 999)
    assert not session.is_genuine(b"x" * 32, b"digest", 999)


def test_a_notice_is_shown_only_if_it_is_ours() -> None:
    sealed = Notice("done", "bad").seal(b"k")
    assert read_notice(b"k", sealed) == Notice("done", "bad")
    for forged in (sealed[:-4], "", "x", "é", sealed.swapcase()):
        assert read_notice(b"k", forged) is None


def test_no_request_waits_for_a_template_to_be_compiled() -> None:
    Rendering({})
    cache = compile_templates().cache
    assert cache is not None
    folder = ROOT / "http" / "sendoff_http" / "admin" / "templates"
    assert sorted(name for _, name in cache) == sorted(file.name for file in folder.iterdir())


def test_a_job_says_in_words_what_it_is_about() -> None:
    job: dict[str, Any] = {"kind": "dead-letters.resend", "customer": None, "selection": {"all": True}, "change": {}}
    assert (selected_in_words(job), change_in_words(job)) == ("all dead letters", "")
    selection = {"to": "jane", "reason": "expired", "createdAfter": "2026-01-31T08:00:00.000000Z"}
    narrow = {**job, "customer": "acme", "selection": selection}
    assert selected_in_words(narrow) == (
        "dead letters of acme, that are expired, to jane, created after 2026-01-31T08:00:00.000000Z"
    )
    moved = {**job, "kind": "messages.reschedule", "selection": {"status": "retrying"}}
    assert selected_in_words(moved) == "messages that are retrying"
    assert change_in_words({**moved, "change": {"deliverAt": "2099-01-31T08:00:00.000000Z"}}).startswith("to 2099")


def test_what_is_said_is_a_sentence_whatever_it_was() -> None:
    assert [shown_sentence(said) for said in ("it is due", "It is due.")] == ["It is due."] * 2
