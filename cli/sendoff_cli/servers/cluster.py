"""The files of a PostgreSQL server: made whole or not at all, and freed from what a crash has left in them."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sendoff_cli.servers.errors import ServerError
from sendoff_cli.servers.postmaster import free_from_crash
from sendoff_cli.servers.private_files import sync_folder, write_private
from sendoff_cli.servers.process import Account, Program, run

_LOCALES = ("C.UTF-8", "C")


def ensure_cluster(
    home: Path, *, data: Path, programs: Path, account: Account | None, password: str, settings: Sequence[str] = ()
) -> Path:
    """The cluster in the folder `home`; initdb makes it when there is none, with the superuser `sendoff`.

    `settings` such as `name=value` hold while it is made and from then on. An initdb that did not finish is swept away.
    Raises ServerError when initdb fails.
    """
    cluster = home / "cluster"
    for unfinished in home.glob("initdb-*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    if cluster.exists():
        free_from_crash(cluster)
        return cluster
    # A folder of its own for each try: the initdb of a killed parent may still write into an older one.
    # What a child of an interrupted initdb still writes is swept away by the next start.
    with tempfile.TemporaryDirectory(dir=home, prefix="initdb-", ignore_cleanup_errors=True) as folder:
        options = [word for setting in settings for word in ("-c", setting)]
        whole = _initialized(
            Path(folder), data=data, programs=programs, account=account, password=password, options=options
        )
        os.replace(whole, cluster)
        sync_folder(home)
    return cluster


def _initialized(
    folder: Path, *, data: Path, programs: Path, account: Account | None, password: str, options: list[str]
) -> Path:
    password_file = folder / "password"
    write_private(password_file, password)
    if account is not None:
        # The file before the folder: a stranger with the same user could exchange it for a link.
        for path in (password_file, folder):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
    for locale in _LOCALES:
        cluster = folder / locale
        command = [str(programs / "initdb"), f"--pgdata={cluster}", "--username=sendoff", f"--pwfile={password_file}"]
        command += [
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            f"--locale={locale}",
            "--data-checksums",
            "--no-instructions",
            *options,
        ]
        succeeded, output = run(Program("initdb", command, folder, account=account), data)
        if succeeded:
            return cluster
        if "invalid locale" not in output:
            break
    raise ServerError(f"PostgreSQL's files cannot be made; {output}")
