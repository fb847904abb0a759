"""How processes begin: both of them alike, and a wrong beginning ends at once instead of being tried again."""

import os
import subprocess
import sys

import pytest

SERVERS = {
    "SENDOFF_POSTGRES__URL": "postgresql://x@127.0.0.1:1/x",
    "SENDOFF_REDIS__BROKER_URL": "redis://127.0.0.1:1/0",
    "SENDOFF_REDIS__CACHE_URL": "redis://127.0.0.1:1/1",
}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("module", ["sendoff_actors", "sendoff_http"])
@pytest.mark.parametrize("index", ["2/2", "x", "1"])
def test_a_process_index_that_makes_no_sense_ends_either_process_with_2(module: str, index: str) -> None:
    process = run("-m", module, **SERVERS, SENDOFF_PROCESS=index)
    assert process.returncode == 2
    assert process.stderr == f"SENDOFF_PROCESS: expected index/count such as 0/2, got '{index}'\n"


@pytest.mark.parametrize("module", ["sendoff_actors", "sendoff_http"])
def test_a_server_without_an_address_ends_either_process_with_2(module: str) -> None:
    process = run("-m", module)
    assert process.returncode == 2
    assert process.stderr.startswith("expected postgres.url")


COUNT_WORKERS = """
import os
from sendoff_actors.main import process_index_under_dramatiq
from sendoff_cli.processes import worker_processes
from sendoff_config.bootstrap import usable_cores
from sendoff_config.settings import Settings
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
settings = Settings()
print(usable_cores(), len(worker_processes(settings, {})), process_index_under_dramatiq(settings).count)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which cores a process may use")
def test_in_a_limited_set_of_cores_both_ways_to_run_workers_count_alike() -> None:
    counted = run("-c", COUNT_WORKERS)
    assert counted.stdout.split() == ["1", "1", "1"], counted.stderr
