"""What `sendoff doctor` makes of what a Redis says of itself."""

from typing import Any

import pytest

from sendoff_cli.doctor.redis import _finding

WELL = {"redis_version": "7.4.1", "role": "master", "maxmemory": 0, "used_memory": 1 << 30}


@pytest.mark.parametrize(
    ("says", "policy", "level", "words"),
    [
        ({}, "noeviction", "ok", "Redis 7.4.1"),
        ({"maxmemory": 2 << 30}, None, "ok", "Redis 7.4.1"),
        ({"maxmemory": 1100 << 20}, "noeviction", "warn", "uses 1024 of 1100 MiB"),
        ({"maxmemory": 1 << 30}, "noeviction", "fail", "uses 1024 of 1024 MiB"),
        ({"role": "slave"}, "noeviction", "fail", "takes no writes"),
        ({}, "allkeys-lru", "warn", "maxmemory-policy allkeys-lru"),
        ({"redis_version": "6.2.0"}, "noeviction", "fail", "too old"),
    ],
)
def test_a_redis_that_is_full_or_a_replica_or_forgets_is_found(
    says: dict[str, Any], policy: str | None, level: str, words: str
) -> None:
    finding = _finding("redis broker", {**WELL, **says}, policy)
    assert finding.level == level
    assert words in finding.detail
