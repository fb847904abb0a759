"""The folder in which the processes of an instance leave their numbers."""

import os
import time
from pathlib import Path

import pytest

from sendoff_config.metrics.families import Family
from sendoff_config.metrics.folder import STALE, new_metrics_folder, read_folder, remove_families, write_families

FAMILIES = [Family("sendoff_things", "Things", "gauge", [("sendoff_things", {}, 1.0)])]


def make_old(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_what_a_process_leaves_is_found_by_its_name(tmp_path: Path) -> None:
    write_families(tmp_path, "worker-0", FAMILIES)
    write_families(tmp_path, "worker-0", FAMILIES)
    assert read_folder(tmp_path) == {"worker-0": FAMILIES}
    remove_families(tmp_path, "worker-0")
    remove_families(tmp_path, "worker-0")
    assert read_folder(tmp_path) == {}


def test_a_process_that_died_is_passed_over(tmp_path: Path) -> None:
    for process in ("worker-0", "worker-1"):
        write_families(tmp_path, process, FAMILIES)
    make_old(tmp_path / "worker-0.msgpack", STALE + 1)
    assert set(read_folder(tmp_path)) == {"worker-1"}


@pytest.mark.parametrize("content", [b"", b"\x93", b"\xc1", b'[["a"]]'])
def test_what_is_no_file_of_ours_is_passed_over(tmp_path: Path, content: bytes) -> None:
    write_families(tmp_path, "worker-0", FAMILIES)
    (tmp_path / "worker-1.msgpack").write_bytes(content)
    (tmp_path / "worker-2.new").write_bytes(content)
    assert set(read_folder(tmp_path)) == {"worker-0"}


def test_a_folder_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert read_folder(tmp_path / "gone") == {}


def test_the_folder_is_its_users_alone_and_goes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with new_metrics_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        write_families(folder, "worker-0", FAMILIES)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_instance_goes_with_the_next_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("sendoff-metrics-old", "sendoff-metrics-new", "other-old"):
        (tmp_path / name).mkdir()
    make_old(tmp_path / "sendoff-metrics-old", 7200)
    make_old(tmp_path / "other-old", 7200)
    with new_metrics_folder() as folder:
        assert {path.name for path in tmp_path.iterdir()} == {"sendoff-metrics-new", "other-old", folder.name}
