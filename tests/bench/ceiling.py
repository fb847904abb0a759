"""Runs the bare clients: what two processes of aiohttp do with the same messages and the same webhook."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from bench.accounting import Accounting, used
from bench.backlog import Planned
from bench.children import Child, child, read_line, write
from bench.webhook import Arrivals, Webhook

_PROCESSES = 2
_LEAD = 0.2


def post_bare(webhook: Webhook, messages: Sequence[Planned]) -> tuple[Arrivals, float]:
    """Post as fast as it goes: what arrived, and the CPU seconds of the clients."""
    with _clients(webhook, messages) as clients:
        accounting = Accounting({"bare": [client.pid for client in clients]})
        before = accounting.read()
        _go(clients, 0)
        return webhook.report(), used(before, accounting.read())["bare"]


def post_bare_on_time(webhook: Webhook, messages: Sequence[Planned]) -> tuple[list[Planned], Arrivals]:
    """Post with timers; due times are seconds from the start, and are moments in what comes back."""
    with _clients(webhook, messages) as clients:
        start = time.time() + _LEAD
        _go(clients, start)
    return [replace(message, due_at=start + message.due_at) for message in messages], webhook.report()


@contextmanager
def _clients(webhook: Webhook, messages: Sequence[Planned]) -> Iterator[list[Child]]:
    """Clients that have their share of the work and open connections."""
    webhook.reset()
    with ExitStack() as stack:
        clients = [
            stack.enter_context(child("bare_client", str(webhook.port), webhook.key.hex())) for _ in range(_PROCESSES)
        ]
        for number, client in enumerate(clients):
            work = [[message.id, message.due_at, message.body] for message in messages[number::_PROCESSES]]
            write(client, json.dumps(work).encode() + b"\n")
        for client in clients:
            read_line(client)
        yield clients


def _go(clients: Sequence[Child], start: float) -> None:
    """Let them post, and wait until all is answered."""
    for client in clients:
        write(client, f"{start!r}\n".encode())
    for client in clients:
        read_line(client)
