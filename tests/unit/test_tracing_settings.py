"""What the settings of tracing refuse, and what is said where its package is missing."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from sendoff_config.bootstrap import read_settings
from sendoff_config.settings import Settings
from sendoff_domain.errors import SettingsError


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("endpoint", "collector:4318"),
        ("endpoint", "grpc://collector:4317"),
        ("endpoint", "http://user:password@collector:4318/v1/traces"),
        ("sample", -0.1),
        ("sample", 1.1),
        ("timeout", "0s"),
        ("queue", 0),
        ("queue", 100_001),
        ("headers", {}),
    ],
)
def test_what_makes_no_sense_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match=f"tracing.{key}"):
        Settings.model_validate({"tracing": {key: value}})


def test_it_is_off_unless_it_is_asked_for() -> None:
    assert not Settings().tracing.enabled
    assert Settings.model_validate({"tracing": {"endpoint": "https://collector/v1/traces"}}).tracing.sample == 1


def test_without_its_package_no_process_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENDOFF_CONFIG", raising=False)
    monkeypatch.setenv("SENDOFF_TRACING__ENABLED", "true")
    assert read_settings(None).tracing.enabled
    monkeypatch.setattr("sendoff_config.bootstrap.is_installed", lambda: False)
    with pytest.raises(SettingsError, match=r"tracing.enabled: expected .* pip install 'sendoff\[traces\]'"):
        read_settings(None)


@pytest.mark.parametrize("missing", ["opentelemetry", "opentelemetry.exporter"])
def test_a_missing_package_is_seen(missing: str) -> None:
    code = (
        "import sys;"
        f"sys.modules[{missing!r}] = None;"
        "from sendoff_config.tracing.tracer import is_installed; sys.exit(is_installed())"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
