"""The folder of an instance in which each of its processes leaves its numbers every two seconds.

`SENDOFF_METRICS_FOLDER` names it; `sendoff up` and the like make one. A process that dies leaves its file behind, which
is passed over once it is old: for Prometheus its series end, and begin anew with the next process of that number.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sendoff_config.metrics.families import Family, decode_families, encode_families

VARIABLE = "SENDOFF_METRICS_FOLDER"
#: A file that was not written for so long (seconds) is that of a process which is gone, or frozen.
STALE = 10.0
#: A folder of an instance that was killed is taken away by the next one after this time (seconds).
_ABANDONED = 3600.0
_PREFIX = "sendoff-metrics-"
_SUFFIX = ".msgpack"


@contextmanager
def new_metrics_folder() -> Iterator[Path]:
    """A folder that this user alone can read, until the block ends; it goes with what is in it."""
    _remove_abandoned(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        yield Path(name)


def metrics_folder() -> Path | None:
    """The folder of this process's instance; None for a process that was started alone."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def write_families(folder: Path, process: str, families: list[Family]) -> None:
    """Leave the numbers of a process; a reader finds them whole or not at all. Raises OSError for want of room."""
    target = folder / f"{process}{_SUFFIX}"
    draft = target.with_suffix(".new")
    draft.write_bytes(encode_families(families))
    draft.replace(target)


def remove_families(folder: Path, process: str) -> None:
    """Take away the numbers of a process that ends."""
    (folder / f"{process}{_SUFFIX}").unlink(missing_ok=True)


def read_folder(folder: Path) -> dict[str, list[Family]]:
    """The numbers of all processes that have written theirs lately, by process."""
    found = {}
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        with contextlib.suppress(OSError, msgspec.MsgspecError):  # it goes at this moment, or is of another version
            if abs(time.time() - path.stat().st_mtime) < STALE:
                found[path.stem] = decode_families(path.read_bytes())
    return found


def _remove_abandoned(parent: Path) -> None:
    """A folder in use is written every two seconds."""
    for path in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if path.stat().st_uid == os.getuid() and time.time() - path.stat().st_mtime > _ABANDONED:
                shutil.rmtree(path, ignore_errors=True)
