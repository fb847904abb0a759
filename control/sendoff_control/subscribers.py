"""What the rest of a process wants to hear of the fleet."""

from collections.abc import Callable

import structlog

from sendoff_domain.control import ControlState

log = structlog.get_logger("sendoff.control")


class Subscribers:
    """The callables that are told of news; one that fails is logged, and the next ones are told all the same."""

    def __init__(self) -> None:
        self._on_change: list[Callable[[ControlState], None]] = []
        self._on_wake: list[Callable[[], None]] = []
        self._on_customer: list[Callable[[str], None]] = []

    def add(
        self,
        *,
        on_change: Callable[[ControlState], None] | None,
        on_wake: Callable[[], None] | None,
        on_customer: Callable[[str], None] | None,
    ) -> None:
        """Add those that are given."""
        self._on_change += [] if on_change is None else [on_change]
        self._on_wake += [] if on_wake is None else [on_wake]
        self._on_customer += [] if on_customer is None else [on_customer]

    def state_changed(self, state: ControlState) -> None:
        """This process has applied a state."""
        for call in self._on_change:
            _tell(call, state)

    def woken(self) -> None:
        """A message was stored that is due at once."""
        for call in self._on_wake:
            _tell(call)

    def customer_changed(self, customer_id: str) -> None:
        """A customer was changed, or its breaker."""
        for call in self._on_customer:
            _tell(call, customer_id)


def _tell(call: Callable[..., None], *news: object) -> None:
    try:
        call(*news)
    except Exception:  # a subscriber's mistake must not stop the fleet's news
        log.exception("news of the fleet could not be passed on")
