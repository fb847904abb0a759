"""Who a process is: one of the processes of one instance."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Role = Literal["http", "ingest", "worker"]
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Identity:
    """One process of one instance; `(instance, role, process)` is unique among the living."""

    instance: str
    process: int
    role: Role
    host: str
    pid: int
    version: str
    started_at: datetime

    @property
    def name(self) -> str:
        """What the buses call it, such as `app-1-worker-0`."""
        return name_of(self.instance, self.role, self.process)


def name_of(instance: str, role: str, process: int) -> str:
    """Such as `app-1-worker-0`: one token of a NATS subject, and fit for a Redis key.

    Two instances whose names differ only in unsafe characters still get two tokens.
    """
    safe = _UNSAFE.sub("_", instance)
    if safe != instance or not safe:
        safe += "_" + hashlib.sha256(instance.encode()).hexdigest()[:6]
    return f"{safe}-{role}-{process}"
