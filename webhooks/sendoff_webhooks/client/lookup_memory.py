"""What was found out about names lately: their addresses, that there are none, and which of them take long to fail."""

import time
from typing import Generic, TypeVar

T = TypeVar("T")
#: An old answer is used for so long while no new one is to be had (seconds), and never for longer than ten fresh ones.
_STALE, _STALE_PER_KEPT = 300.0, 10
#: How long a name that could not be resolved is not asked for again (seconds).
_FAILED = 2.0
#: How long a name that was slow to fail is a suspect (seconds).
_SUSPECT = 600.0
#: How many names are kept.
_MOST = 10_000


class LookupMemory:
    """Remembers an answer for `kept` seconds as fresh and some minutes more as stale, a failure for two seconds."""

    def __init__(self, kept: float) -> None:
        self._kept = kept
        self._found = _Recent[tuple[str, ...]]()
        self._failures = _Recent[str]()
        self._suspects = _Recent[bool]()

    def fresh(self, host: str) -> tuple[str, ...] | None:
        """The addresses that need not be asked for again."""
        return self._found.get(host, self._kept)

    def stale(self, host: str) -> tuple[str, ...] | None:
        """The addresses that will do as long as there are no newer ones."""
        return self._found.get(host, min(_STALE, self._kept * _STALE_PER_KEPT))

    def failure(self, host: str) -> str | None:
        """Why a name did not resolve a moment ago."""
        return self._failures.get(host, min(_FAILED, self._kept))

    def is_suspect(self, host: str) -> bool:
        """Whether a name was slow to fail, and has not resolved since."""
        return self._suspects.get(host, _SUSPECT) is not None

    def note_found(self, host: str, addresses: tuple[str, ...]) -> None:
        """A name has these addresses now."""
        self._suspects.forget(host)
        self._found.keep(host, addresses)

    def note_failure(self, host: str, detail: str, *, slow: bool) -> None:
        """A name could not be resolved, which says nothing against the last answer."""
        self._failures.keep(host, detail)
        if slow:
            self._suspects.keep(host, True)

    def forget(self, host: str) -> None:
        """The last answer does not hold any more: the name has no address, or one that must not be called."""
        self._found.forget(host)


class _Recent(Generic[T]):
    """Values by name, the newest `_MOST` of them."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, T]] = {}

    def get(self, name: str, kept: float) -> T | None:
        kept_at, value = self._values.get(name, (float("-inf"), None))
        return value if time.monotonic() - kept_at < kept else None

    def keep(self, name: str, value: T) -> None:
        self._values.pop(name, None)  # so that the dict is in the order of age
        if len(self._values) >= _MOST:
            del self._values[next(iter(self._values))]
        self._values[name] = time.monotonic(), value

    def forget(self, name: str) -> None:
        self._values.pop(name, None)
