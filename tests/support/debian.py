"""Programs that come from Debian packages: at home a test without them is skipped, in CI it fails."""

import os
import shutil
from typing import NoReturn

import pytest

#: Debian keeps servers where only root's PATH looks.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def require_program(name: str, package: str) -> str:
    """The path of a program; without it the test is skipped with the way to get it, or fails where CI is set."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        missing(f"NOT TESTED: {name} is missing; as root: apt-get install {package}")
    return found


def missing(reason: str) -> NoReturn:
    """Skip the test with its reason, or fail it where CI is set."""
    if os.environ.get("CI", "").lower() in ("", "0", "false"):
        pytest.skip(reason)
    pytest.fail(reason)
