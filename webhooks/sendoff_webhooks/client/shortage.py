"""Shortages of our own: errors that blame this process or its machine, and neither the webhook nor its name server."""

import errno
import os
import socket

from sendoff_domain.errors import ShortageError

_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
_LOOKUP_SHORTAGES = frozenset({socket.EAI_SYSTEM, socket.EAI_MEMORY})


def is_shortage(error: BaseException | None) -> bool:
    """Whether this error, or one that it holds or was raised from, is a shortage of our own."""
    seen = set[int]()
    errors = [error]
    while errors:
        one = errors.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if _is_shortage_itself(one):
            return True
        errors += [one.__cause__, one.__context__, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ())]
    return False


def no_file_left() -> OSError | None:
    """Why this process can open no file now, or None if it can.

    A resolver that can't open its own files says only that it does not know a name.
    """
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error if is_shortage(error) else None
    return None


def _is_shortage_itself(error: BaseException) -> bool:
    if isinstance(error, socket.gaierror):
        return error.errno in _LOOKUP_SHORTAGES
    if isinstance(error, OSError):
        return error.errno in _SHORTAGES
    return isinstance(error, ShortageError | MemoryError) or (
        type(error) is RuntimeError and "start new thread" in str(error)
    )
