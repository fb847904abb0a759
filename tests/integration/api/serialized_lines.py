"""How schemathesis, which loads this file by SCHEMATHESIS_HOOKS, sends a body of lines: it knows none by itself."""

from typing import Any

import schemathesis  # type: ignore[import-not-found]  # it is in the environment of the tools


@schemathesis.serializer("application/x-ndjson")  # type: ignore[untyped-decorator]  # untyped here, see above
def send_lines(_context: object, value: Any) -> bytes:
    """The text as it is; what is no text is a line of its own."""
    return str(value).encode(errors="replace")
