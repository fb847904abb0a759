"""What this process has applied: announcements raise it, a poll of PostgreSQL settles it."""

from collections.abc import Iterable

from sendoff_domain.control import GLOBAL_SCOPE, ControlState, Desired, merge


class AppliedStates:
    """The states of all scopes as this process knows them; times are `time.monotonic()`."""

    def __init__(self) -> None:
        self._states: dict[str, ControlState] = {}
        self._applied_at: dict[str, float] = {}

    def get(self, scope: str = GLOBAL_SCOPE) -> ControlState | None:
        """The applied state; None for the global scope means unknown, for a customer that it was never stopped."""
        return self._states.get(scope)

    def revision(self, scope: str) -> int:
        """The applied revision; 0 for a scope that has no commands yet."""
        state = self._states.get(scope)
        return 0 if state is None else state.revision

    def all(self) -> tuple[ControlState, ...]:
        """Every known state."""
        return tuple(self._states.values())

    def is_running(self, scope: str) -> bool:
        """Whether messages of that scope may be sent: never while the global state is unknown or stopped."""
        state = self._states.get(GLOBAL_SCOPE)
        if state is None or state.desired is not Desired.RUNNING:
            return False
        own = self._states.get(scope)
        return own is None or own.desired is Desired.RUNNING

    def apply_newer(self, state: ControlState, now: float) -> bool:
        """Take over a state that was announced if it is newer; returns whether it was."""
        known = self._states.get(state.scope)
        if merge(known, state) is known:
            return False
        self._states[state.scope] = state
        self._applied_at[state.scope] = now
        return True

    def apply_poll(self, found: Iterable[ControlState], asked_at: float, now: float) -> list[ControlState]:
        """Take over everything that PostgreSQL holds; returns what changed.

        Where nothing was applied since the question was asked the answer counts even if its revision is lower or the
        scope is gone: the database was restored from a backup, or an announcement was forged. Otherwise only what is
        newer counts.
        """
        polled = {state.scope: state for state in found}
        changed = [state for state in polled.values() if self._adopt(state, asked_at, now)]
        gone = [scope for scope in self._states if scope not in polled and self._applied_at[scope] < asked_at]
        return changed + [self._forget(scope) for scope in gone]

    def _adopt(self, state: ControlState, asked_at: float, now: float) -> bool:
        known = self._states.get(state.scope)
        if known == state:
            return False
        if known is not None and self._applied_at[state.scope] >= asked_at:
            return self.apply_newer(state, now)
        self._states[state.scope] = state
        self._applied_at[state.scope] = now
        return True

    def _forget(self, scope: str) -> ControlState:
        state = self._states.pop(scope)
        del self._applied_at[scope]
        desired = Desired.STOPPED if scope == GLOBAL_SCOPE else Desired.RUNNING
        return ControlState(scope, state.epoch, 0, desired)
