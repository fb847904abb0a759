"""Customers and tests of webhooks as a person reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sendoff_cli.plain_text import card, plain, printable

Document = Mapping[str, Any]


def customers_table(customers: Sequence[Document], *, more: bool) -> RenderableType:
    """The documents of `GET /v1/customers`."""
    table = Table(box=None, pad_edge=False)
    for title in ("id", "name", "webhook", "limits", "does", "version"):
        table.add_column(title)
    for one in customers:
        webhook = one["webhookUrl"] or "none"
        table.add_row(*map(plain, (one["id"], one["name"], webhook, _limits(one))), _state(one), str(one["version"]))
    return Group(table, Text("there are more: raise --limit", "yellow")) if more else table


def customer_card(customer: Document) -> RenderableType:
    """The document of one customer, a line for each key; what is nested is JSON."""
    return card(customer)


def secret_lines(customer_id: str, secret: str, previous_expires_at: str | None = None) -> RenderableType:
    """A new secret, with what to know of it."""
    lines = [Text.assemble(f"the secret of {customer_id} is ", (secret, "bold"), ", shown this once")]
    if previous_expires_at is not None:
        lines.append(Text(f"the one before stays valid until {previous_expires_at}"))
    return Group(*lines)


def trial_lines(trial: Document) -> RenderableType:
    """A test of a webhook: what was sent, what came back, what it means."""
    request, answer, verdict = trial["request"], trial["answer"], trial["verdict"]
    lines = [Text(f"POST {request['url']}", "bold")]
    lines += [plain(f"{name}: {value}") for name, value in request["headers"].items()]
    lines += [Text(), plain(request["body"]), Text()]
    if answer is not None:
        lines += [
            Text(f"answered {answer['statusCode']} after {answer['durationMs']} ms", "bold"),
            plain(answer["body"]),
        ]
    if verdict["delivered"]:
        lines.append(Text("delivered", "green"))
    else:
        lines.append(Text(f"not delivered: {verdict['errorClass']}: {printable(verdict['detail'])}", "red"))
    return Group(*lines)


def describe_pause(customer: Document) -> RenderableType:
    """Whether a customer is paused, in one line."""
    return Text.assemble(f"{customer['id']} is ", _state(customer))


def _state(customer: Document) -> Text:
    if not customer["paused"]:
        return Text("running", "green")
    reason = customer["pauseReason"]
    return Text("paused" if reason is None else f"paused: {printable(reason)}", "yellow")


def _limits(customer: Document) -> str:
    limits = customer["limits"]
    parts = [] if limits["rate"] is None else [f"{limits['rate']} per {limits['per']}"]
    parts += [] if limits["concurrency"] is None else [f"{limits['concurrency']} at once"]
    parts += [] if limits["backlog"] is None else [f"{limits['backlog']} waiting"]
    return ", ".join(parts) or "none"
