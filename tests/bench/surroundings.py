"""What all figures share: the embedded servers with their shipped settings, the webhook, and the sizes."""

import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.scale import Scale
from bench.webhook import Webhook, running_webhook
from sendoff_cli.servers.embedded import embedded_servers

#: On many systems /tmp is memory, where a commit costs nothing; this folder is on a disk.
_PLACE = "/var/tmp"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Running servers with their addresses, the webhook, a folder for logs, and how much to measure."""

    addresses: Mapping[str, str]
    webhook: Webhook
    folder: Path
    scale: Scale


@contextmanager
def surroundings(scale: Scale) -> Iterator[Surroundings]:
    """Start everything that the figures share; all of it ends, and its data goes, with the block."""
    for name in [name for name in os.environ if name.startswith("SENDOFF_")]:
        del os.environ[name]  # the benchmark decides every setting itself
    with (
        tempfile.TemporaryDirectory(prefix="sendoff-bench-", dir=_PLACE) as name,
        running_webhook(secrets.token_bytes(32)) as webhook,
    ):
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL does not run as root and must get in
        with embedded_servers(folder / "data", ("postgres", "redis", "nats")) as servers:
            yield Surroundings(servers.addresses, webhook, folder, scale)
