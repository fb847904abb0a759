"""Which ports may be called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.webhook_addresses import DEFAULT_PORTS, PortRange, parse_ports, port_may_be_called, shown_ports


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [(443, 443, 443), ("443", 443, 443), ("8000-8999", 8000, 8999), (" 1-65535 ", 1, 65535), ("7-7", 7, 7), (1, 1, 1)],
)
def test_a_port_or_a_range_is_read(value: object, first: int, last: int) -> None:
    assert parse_ports(value) == PortRange(first, last)
    assert parse_ports(parse_ports(value)) == PortRange(first, last)


@pytest.mark.parametrize(
    "value",
    [0, -1, 65536, 70000, True, False, None, 1.5, "", "http", "0", "0-5", "08", "5-4", "1-65536", "1-", "-1", "1--2",
     "1-2-3", "1,2", "80 443", "0x50", "1e3", "\uff18\uff10", "80 - 90", [80], {"from": 1}, "1" * 5000, b"80"],
)  # fmt: skip
def test_nonsense_is_refused_with_what_was_expected(value: object) -> None:
    with pytest.raises(ValueError, match="^expected a port from 1 to 65535, or a range such as 8000-8999$"):
        parse_ports(value)


@pytest.mark.parametrize(("port", "may"), [(80, True), (443, True), (1024, True), (65535, True), (1023, False),
    (1, False), (22, False), (25, False), (79, False), (81, False), (442, False), (444, False)])  # fmt: skip
def test_by_default_the_webs_ports_and_those_without_privileges_may_be_called(port: int, may: bool) -> None:
    assert port_may_be_called(port, DEFAULT_PORTS) is may


def test_without_any_port_none_may_be_called() -> None:
    assert not port_may_be_called(443, ())


@given(st.lists(st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(sorted)), st.integers(1, 65535))
def test_what_is_shown_is_what_is_read(bounds: list[list[int]], port: int) -> None:
    ports = [PortRange(first, last) for first, last in bounds]
    read = [parse_ports(text) for text in shown_ports(ports).split(", ")] if ports else []
    assert read == ports
    assert port_may_be_called(port, read) is any(first <= port <= last for first, last in bounds)
