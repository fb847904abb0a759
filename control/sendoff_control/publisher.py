"""What a process tells the others, on every bus that is up."""

from collections.abc import Sequence

import msgspec

from sendoff_control.outbox import Outbox, Outgoing, Topic
from sendoff_control.protocol import Ack, BusHealth, Heartbeat, announcement_of
from sendoff_domain.control import ControlState


class Publisher:
    """Puts hints into the outboxes of all configured buses; nothing here blocks or raises."""

    def __init__(self, sender: str, outboxes: Sequence[Outbox]) -> None:
        self.outboxes = outboxes
        self._sender = sender

    @property
    def health(self) -> dict[str, BusHealth]:
        """How this process sees the buses; one that is not configured is `off`."""
        health: dict[str, BusHealth] = {"nats": "off", "redis": "off"}
        return health | {outbox.bus: outbox.health for outbox in self.outboxes}

    def announce(self, state: ControlState, command_id: str | None = None) -> None:
        """Tell the fleet a state that PostgreSQL has committed, and by which command."""
        self._publish("state", msgspec.json.encode(announcement_of(self._sender, state, command_id)))

    def acknowledge(self, ack: Ack) -> None:
        """Tell the fleet that this process has applied a state."""
        self._publish("ack", msgspec.json.encode(ack))

    def send_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Give a sign of life."""
        self._publish("heartbeat", msgspec.json.encode(heartbeat))

    def wake(self) -> None:
        """Tell the workers that a message was stored which is due at once."""
        self._publish("wake", b"")

    def customer_changed(self, customer_id: str) -> None:
        """Tell the fleet that a customer has changed."""
        self._publish("customer", customer_id.encode())

    def _publish(self, topic: Topic, payload: bytes) -> None:
        for outbox in self.outboxes:
            outbox.put(Outgoing(topic, payload))
