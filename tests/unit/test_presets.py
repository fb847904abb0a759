"""Retry strategies by name."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sendoff_config.settings import Settings
from sendoff_domain.backoff import RetryStrategy, next_wait
from sendoff_domain.presets import PRESETS
from sendoff_domain.times import parse_duration

ROOT = Path(__file__).parents[2]


def span(strategy: RetryStrategy) -> timedelta:
    """From the first failure to the last attempt, without jitter and the attempts' own time."""
    waits = (next_wait(strategy, failed, 0.0) for failed in range(1, strategy.total_attempts))
    return sum((wait for wait in waits if wait is not None), timedelta(0))


@pytest.mark.parametrize(
    ("name", "attempts", "lasts"),
    [("standard", 10, "3d3h35m5s"), ("quick", 5, "1m21s"), ("patient", 15, "6d22h36m10s"), ("once", 1, "0s")],
)
def test_a_preset_has_its_attempts_and_its_span(name: str, attempts: int, lasts: str) -> None:
    strategy = RetryStrategy.model_validate(name)
    assert (strategy.total_attempts, span(strategy)) == (attempts, parse_duration(lasts))


def test_the_standard_one_waits_as_standard_webhooks_suggests() -> None:
    strategy = RetryStrategy.model_validate("standard")
    seconds = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert strategy.waits == tuple(timedelta(seconds=one) for one in seconds)


def test_every_preset_is_documented_with_its_attempts_and_its_span() -> None:
    text = (ROOT / "docs" / "retries.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| .+ \| (\d+) \| (\w+) \|$", text, re.MULTILINE)
    documented = {name: (int(attempts), parse_duration(lasts)) for name, attempts, lasts in rows}
    strategies = {name: RetryStrategy.model_validate(name) for name in PRESETS}
    assert documented == {name: (one.total_attempts, span(one)) for name, one in strategies.items()}
    config = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert [name for name in PRESETS if name not in config] == []


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_stored_is_the_strategy_and_not_its_name(name: str) -> None:
    strategy = RetryStrategy.model_validate(name)
    stored = strategy.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert stored == {key: list(value) if key == "waits" else value for key, value in PRESETS[name].items()}
    assert RetryStrategy.model_validate(stored) == strategy


@pytest.mark.parametrize("name", ["", "Standard", "standard ", "slow", 5, None, ["quick"], True, {"quick": 1}.keys()])
def test_a_name_that_is_none_is_refused_with_those_that_exist(name: object) -> None:
    with pytest.raises(ValidationError, match=r"expected one of standard, quick, patient, once, or a strategy"):
        RetryStrategy.model_validate(name)


@given(st.text())
def test_no_other_text_is_a_strategy(name: str) -> None:
    if name not in PRESETS:
        with pytest.raises(ValidationError):
            RetryStrategy.model_validate(name)


def test_a_section_of_the_settings_can_be_a_preset() -> None:
    assert Settings.model_validate({"retry": "quick"}).retry.total_attempts == 5


def test_its_schema_says_that_a_name_will_do_and_shows_defaults_as_they_are_sent() -> None:
    name, written = RetryStrategy.model_json_schema()["anyOf"]
    assert name["enum"] == list(PRESETS)
    assert (written["properties"]["first"]["default"], written["properties"]["max"]["default"]) == ("5s", "6h")
