"""docker-compose.yml as docker-compose itself understands it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.debian import require_program

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def compose(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The whole file, with every variable at its default; the test fails if docker-compose refuses it."""
    program = require_program("docker-compose", package="docker-compose")
    nothing = tmp_path_factory.mktemp("compose") / "env"
    nothing.touch()  # so that nobody's own .env is read
    done = subprocess.run(
        [program, "--file", str(ROOT / "docker-compose.yml"), "--env-file", str(nothing), "config"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = yaml.safe_load(done.stdout)
    return document
