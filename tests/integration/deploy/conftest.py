"""docker-compose.yml as docker-compose itself understands it, and the database that its PostgreSQL starts with."""

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml

from sendoff_cli.servers.binaries import postgres_programs
from support.debian import require_program
from support.servers import Servers

ROOT = Path(__file__).parents[3]
Document = dict[str, Any]


@pytest.fixture(scope="session")
def compose_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Document]:
    """Reads the whole file with those variables, and all others at their defaults; fails if it is refused.

    `override` is the name of a second file that is laid over it.
    """
    program = require_program("docker-compose", package="docker-compose")
    nothing = tmp_path_factory.mktemp("compose") / "env"
    nothing.touch()  # so that nobody's own .env is read

    def read(override: str | None = None, **variables: str) -> Document:
        names = ["docker-compose.yml"] if override is None else ["docker-compose.yml", override]
        files = [word for name in names for word in ("--file", str(ROOT / name))]
        done = subprocess.run(
            [program, *files, "--env-file", str(nothing), "config"],
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **variables},
        )
        assert done.returncode == 0, done.stderr
        document: Document = yaml.safe_load(done.stdout)
        return document

    return read


@pytest.fixture(scope="session")
def compose(compose_with: Callable[..., Document]) -> Document:
    """The whole file, with every variable at its default."""
    return compose_with()


@pytest.fixture
def owned_database(servers: Servers) -> Iterator[str]:
    """The database and the role that deploy/postgres makes, as its owner."""
    role, password = f"role_{secrets.token_hex(6)}", secrets.token_hex(8)
    program, script = postgres_programs().folder / "psql", ROOT / "deploy/postgres/10-database.sql"
    command = [str(program), "-v", "ON_ERROR_STOP=1", "--no-psqlrc", "--dbname", servers.postgres, "-f", str(script)]
    told = {**os.environ, "SENDOFF_ROLE": role, "SENDOFF_PASSWORD": password}
    done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    url = urlsplit(servers.postgres)
    yield url._replace(netloc=f"{role}:{password}@{url.hostname}:{url.port}", path=f"/{role}").geturl()
    with psycopg.connect(servers.postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {role} WITH (FORCE)".encode())
        connection.execute(f"DROP ROLE {role}".encode())
