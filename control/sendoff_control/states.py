"""What this process has applied: PostgreSQL settles it, and a stop that is heard over a bus counts until then."""

from collections.abc import Iterable

from sendoff_domain.control import GLOBAL_SCOPE, ControlState, Desired, may_follow, merge

#: More stops than this of customers that have no state yet are not kept between two polls: the poll will tell.
_MOST_UNSETTLED = 1000


class AppliedStates:
    """The states of all scopes as this process knows them; times are `time.monotonic()`.

    Whatever lets messages be sent comes from PostgreSQL alone, so that nobody who can write on a bus starts anything.
    """

    def __init__(self) -> None:
        self._settled: dict[str, ControlState] = {}
        self._settled_at: dict[str, float] = {}
        self._heard: dict[str, ControlState] = {}
        self._heard_at: dict[str, float] = {}
        #: What follows from these for `is_running`, which is asked twice for each message that is sent.
        self._is_running = False
        self._stopped: set[str] = set()

    def get(self, scope: str = GLOBAL_SCOPE) -> ControlState | None:
        """The applied state; None for the global scope means unknown, for a customer that it was never stopped."""
        return self._heard.get(scope) or self._settled.get(scope)

    def settled(self, scope: str = GLOBAL_SCOPE) -> ControlState | None:
        """The state that PostgreSQL was last known to hold."""
        return self._settled.get(scope)

    def revision(self, scope: str) -> int:
        """The applied revision; 0 for a scope that has no commands yet."""
        state = self.get(scope)
        return 0 if state is None else state.revision

    def all(self) -> tuple[ControlState, ...]:
        """Every state that is applied."""
        return tuple((self._settled | self._heard).values())

    def all_settled(self) -> tuple[ControlState, ...]:
        """Every state that PostgreSQL was last known to hold."""
        return tuple(self._settled.values())

    def is_running(self, scope: str = GLOBAL_SCOPE) -> bool:
        """Whether messages of that scope may be sent: never while the global state is unknown or stopped.

        A look into a set, no I/O.
        """
        return self._is_running and scope not in self._stopped

    def hear(self, state: ControlState, now: float) -> bool:
        """Apply what was said over a bus if it is a newer stop; returns whether it was.

        Whatever else it says is only a reason to ask PostgreSQL.
        """
        known = self.get(state.scope)
        if state.desired is not Desired.STOPPED or merge(known, state) is known or not self._is_plausible(state):
            return False
        if state.scope not in self._settled and len(self._heard) >= _MOST_UNSETTLED:
            return False
        self._heard[state.scope] = state
        self._heard_at[state.scope] = now
        self._follow(state.scope)
        return True

    def settle(self, state: ControlState, now: float) -> bool:
        """Take over what this process has committed itself; returns whether that changes what is applied."""
        before = self.get(state.scope)
        if merge(self._settled.get(state.scope), state) is state:
            self._replace(state, now)
        return self.get(state.scope) != before

    def apply_poll(self, found: Iterable[ControlState], asked_at: float, now: float) -> list[ControlState]:
        """Take over everything that PostgreSQL holds; returns what changed.

        Where nothing was applied since the question was asked the answer counts even if its revision is lower or the
        scope is gone: the database was restored from a backup, or a stop was forged. Otherwise only what is newer
        counts.
        """
        before = {state.scope: state for state in self.all()}
        for scope in [scope for scope, at in self._heard_at.items() if at < asked_at]:
            self._unhear(scope)
        polled = {state.scope: state for state in found}
        for state in polled.values():
            if self._settled_at.get(state.scope, 0.0) < asked_at or merge(self._settled[state.scope], state) is state:
                self._replace(state, now)
        for scope in [scope for scope, at in self._settled_at.items() if scope not in polled and at < asked_at]:
            del self._settled[scope], self._settled_at[scope]
            self._follow(scope)
        after = {state.scope: state for state in self.all()}
        changed = [state for scope, state in after.items() if before.get(scope) != state]
        return changed + [_gone(state) for scope, state in before.items() if scope not in after]

    def _is_plausible(self, state: ControlState) -> bool:
        overall = self._settled.get(GLOBAL_SCOPE)
        if overall is None:  # then nothing is running anyway
            return False
        settled = self._settled.get(state.scope)
        return may_follow((overall.epoch, 0) if settled is None else settled.order, state.order)

    def _replace(self, state: ControlState, now: float) -> None:
        self._settled[state.scope] = state
        self._settled_at[state.scope] = now
        heard = self._heard.get(state.scope)
        if heard is not None and heard.order <= state.order:
            self._unhear(state.scope)
        self._follow(state.scope)

    def _unhear(self, scope: str) -> None:
        del self._heard[scope], self._heard_at[scope]
        self._follow(scope)

    def _follow(self, scope: str) -> None:
        """Work out anew what `is_running` says, after every change of the scope's state."""
        state = self.get(scope)
        if state is None or state.desired is Desired.RUNNING:
            self._stopped.discard(scope)
        else:
            self._stopped.add(scope)
        if scope == GLOBAL_SCOPE:
            self._is_running = state is not None and state.desired is Desired.RUNNING


def _gone(state: ControlState) -> ControlState:
    desired = Desired.STOPPED if state.scope == GLOBAL_SCOPE else Desired.RUNNING
    return ControlState(state.scope, state.epoch, 0, desired)
