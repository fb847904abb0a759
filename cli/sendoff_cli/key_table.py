"""API keys as a person reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Document = Mapping[str, Any]


def keys_table(keys: Sequence[Document]) -> RenderableType:
    """The documents of `GET /v1/keys`."""
    table = Table(box=None, pad_edge=False)
    table.add_column("id", min_width=36)  # whole, however narrow the terminal is: `revoke` takes it
    for title in ("name", "secret", "may", "customer", "last used", "state"):
        table.add_column(title)
    for key in keys:
        may, customer, used = ", ".join(key["scopes"]), key["customer"] or "all", key["lastUsedAt"] or "never"
        table.add_row(*map(Text, (key["id"], key["name"], f"{key['prefix']}...", may, customer, used)), _state(key))
    return table


def created_key_lines(key: Document) -> RenderableType:
    """A new key, with what to know of it."""
    secret = Text.assemble(f"the secret of {key['name']} is ", (key["secret"], "bold"), ", shown this once")
    return Group(secret, Text(f"its id is {key['id']}: `sendoff keys revoke` takes it"))


def _state(key: Document) -> Text:
    if key["revokedAt"] is not None:
        return Text(f"revoked at {key['revokedAt']}", "red")
    return Text("active", "green") if key["expiresAt"] is None else Text(f"until {key['expiresAt']}", "yellow")
