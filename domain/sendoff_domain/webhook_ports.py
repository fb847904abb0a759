"""Which ports of a webhook may be called."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_RANGE = re.compile(r"([1-9][0-9]{0,4})(?:-([1-9][0-9]{0,4}))?")
_EXPECTED = "expected a port from 1 to 65535, or a range such as 8000-8999"


@dataclass(frozen=True, slots=True)
class PortRange:
    """The ports from `first` to `last`, both included."""

    first: int
    last: int

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def parse_ports(value: object) -> PortRange:
    """Read one port (443) or one range (`8000-8999`); raises ValueError with what was expected."""
    if isinstance(value, PortRange):
        return value
    is_text = isinstance(value, int | str) and not isinstance(value, bool)
    match = _RANGE.fullmatch(str(value).strip()) if is_text else None
    if match is None:
        raise ValueError(_EXPECTED)
    ports = PortRange(int(match[1]), int(match[2] or match[1]))
    if ports.last > 65535 or ports.first > ports.last:
        raise ValueError(_EXPECTED)
    return ports


#: The web's own ports, and those that need no privileges; not the mail, files and names of other people's machines.
DEFAULT_PORTS = (PortRange(80, 80), PortRange(443, 443), PortRange(1024, 65535))

#: A port or a range of them, as config.yaml has it.
Ports = Annotated[
    PortRange,
    BeforeValidator(parse_ports),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["443", "8000-8999"]}),
]


def port_may_be_called(port: int, allowed_ports: Sequence[PortRange]) -> bool:
    """Whether requests may go to this port."""
    return any(port in ports for ports in allowed_ports)


def shown_ports(allowed_ports: Sequence[PortRange]) -> str:
    """The ports as a person reads them: `80, 443, 1024-65535`."""
    return ", ".join(str(ports) for ports in allowed_ports)
