"""What the tests of the embedded servers share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.servers import open_folder


@pytest.fixture
def data() -> Iterator[Path]:
    """The path of a data folder that does not exist yet, where every user could reach it."""
    with open_folder() as folder:
        yield folder / "data"
