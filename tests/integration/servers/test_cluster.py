"""What is left of an initdb that did not finish hides nothing and is in nobody's way."""

from pathlib import Path

import psycopg
import pytest

from sendoff_cli.servers.cluster import ensure_cluster
from sendoff_cli.servers.errors import ServerError
from support.servers import Servers

#: Fails at once, while a child of it goes on writing, as those of PostgreSQL's own do when it is killed.
FAILING_INITDB = """#!/bin/sh
folder="${1#--pgdata=}"
mkdir "$folder"
(until [ -e "$0.end" ]; do mkdir -p "$folder/$((number += 1))" || exit; done) 2>/dev/null &
until [ -e "$folder/100" ]; do :; done
exit 1
"""


def test_a_failure_is_told_though_a_child_of_initdb_still_writes(tmp_path: Path) -> None:
    home, initdb = tmp_path / "postgres", tmp_path / "initdb"
    home.mkdir()
    initdb.write_text(FAILING_INITDB)
    initdb.chmod(0o700)
    try:
        with pytest.raises(ServerError, match="PostgreSQL's files cannot be made"):
            ensure_cluster(home, data=tmp_path, programs=tmp_path, account=None, password="secret")
    finally:
        (tmp_path / "initdb.end").touch()
    assert not (home / "cluster").exists()


def test_a_connection_costs_no_stretching_of_a_random_password(servers: Servers) -> None:
    with psycopg.connect(servers.postgres) as connection:
        found = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'sendoff'").fetchone()
    assert found is not None
    assert found[0].startswith("SCRAM-SHA-256$1:")
