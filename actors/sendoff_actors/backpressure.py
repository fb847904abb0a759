"""Backpressure: a process without room leaves a queue's messages to the other processes."""

import threading

from sendoff_actors.handoffs import Queue


class Backpressure:
    """Holds back the consumers of single queues in this process; all queues are open at first. Thread-safe."""

    def __init__(self) -> None:
        self._open = {queue: threading.Event() for queue in Queue}
        for event in self._open.values():
            event.set()

    def close(self, queue: Queue) -> None:
        """Take nothing more from this queue for now."""
        self._open[queue].clear()

    def open(self, queue: Queue) -> None:
        """Take messages from this queue again."""
        self._open[queue].set()

    def wait(self, queue: str, seconds: float) -> bool:
        """Wait up to `seconds` until the queue is open, and return whether it is."""
        return self._open[Queue(queue)].wait(seconds)
