"""Where the programs of the embedded servers are found."""

import sys
from pathlib import Path

import pytest

from sendoff_cli.servers.binaries import nats_program, postgres_programs, valkey_program
from sendoff_cli.servers.errors import ServerError


def test_the_programs_come_from_the_wheels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(with_program(tmp_path, "redis-server", "Redis server v=8.0.0")))
    assert valkey_program().name == "valkey-server"
    assert nats_program().name == "nats-server"
    assert (postgres_programs().folder / "initdb").is_file()
    assert (postgres_programs().version or "").startswith("18.")


def test_a_missing_wheel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    for locate in (postgres_programs, valkey_program, nats_program):
        with pytest.raises(ServerError, match=r"pip install 'sendoff\[embedded\]'"):
            locate()


def test_path_comes_first_for_whoever_prefers_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(with_program(tmp_path, "redis-server", "Redis server v=7.2.5")))
    assert valkey_program(prefer_path=True) == tmp_path / "redis-server"


def test_a_program_on_path_that_is_too_old_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(with_program(tmp_path, "redis-server", "Redis server v=6.2.14")))
    assert valkey_program(prefer_path=True).name == "valkey-server"


def with_program(folder: Path, name: str, version: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(0o755)
    return folder
