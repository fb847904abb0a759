"""What goes into the image, built the way the Dockerfile builds it."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.layout import FOLDERS, ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = f"import hatchling.build; print(hatchling.build.build_wheel({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", build], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


def test_the_wheel_holds_every_file_of_every_package(wheel: Path) -> None:
    expected = {
        str(path.relative_to(ROOT / folder))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == expected


def test_everything_the_image_copies_passes_dockerignore() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(FOLDERS) <= allowed
    assert {"pyproject.toml", "README.md", "requirements-runtime.txt", "config.yaml"} <= allowed
    assert all((ROOT / name).exists() for name in allowed)


def test_the_image_runs_a_command_that_exists_and_not_as_root() -> None:
    command = json.loads(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[-1])
    assert command == ["sendoff", "up", "--config", "/etc/sendoff/config.yaml"]
    assert DOCKERFILE.index("USER sendoff") < DOCKERFILE.index('CMD ["sendoff"')
    assert (Path(sys.executable).parent / command[0]).exists()


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-runtime.txt", "requirements-test.txt"])
def test_requirements_are_pinned_with_hashes_and_name_no_address(file: str) -> None:
    lines = (ROOT / file).read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert pins
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+(\[[a-z,]+\])?==[\w.]+( ; .+)? \\", pin)] == []
    assert [line for line in lines if "://" in line or "@" in line or line.startswith("--")] == []


def test_all_requirements_agree_on_their_versions() -> None:
    def pins(file: str) -> set[str]:
        return set(re.findall(r"^([\w\[\],-]+==[\w.]+)", (ROOT / file).read_text(), re.MULTILINE))

    assert pins("requirements-runtime.txt") < pins("requirements.txt") < pins("requirements-test.txt")
