"""What of W3C Trace Context is taken, and what is sent on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.trace_context import LONGEST_STATE, read_trace, trace_headers

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
INVALID = [
    "",
    "x",
    PARENT.upper(),
    PARENT[:-1],
    PARENT + "0",
    PARENT + "-more",
    PARENT + "\n",
    f"ff-{TRACE}-{SPAN}-01",
    f"0-{TRACE}-{SPAN}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE[1:]}g-{SPAN}-01",
    f"00_{TRACE}_{SPAN}_01",
    f"01-{TRACE}-{SPAN}-01more",
    f"00-{TRACE}-{SPAN}-x1",
    f"00-{TRACE}-{SPAN}-０1",
]
BAD_STATES = [
    "a", "=1", "a=", "a =1", "a= ", "A=1", "@a=1", "a@1=1", "a@b@c=1", "a=1,a=2", "a=1=2", "a=\t", "a=é", "a=\x7f",
    "a=1;b=2,", "a" * 257 + "=1", "a=" + "1" * 257, "a@" + "b" * 15 + "=1", ",".join(f"a{n}=1" for n in range(33)),
    "a=1," + " " * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("parent", [PARENT, f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-ff", f" {PARENT}\t"])
def test_a_valid_traceparent_goes_on_as_it_came(parent: str) -> None:
    trace = read_trace([parent], [])
    assert trace is not None
    assert trace_headers(trace, {}) == {"traceparent": parent.strip()}


@pytest.mark.parametrize("parent", INVALID)
def test_an_invalid_traceparent_is_ignored(parent: str) -> None:
    assert read_trace([parent], ["a=1"]) is None


def test_none_or_two_of_them_are_ignored() -> None:
    assert read_trace([], []) is read_trace([PARENT, PARENT], []) is None


@pytest.mark.parametrize(("flags", "known"), [("00", "00"), ("01", "01"), ("fe", "00"), ("ff", "01")])
def test_a_later_version_goes_on_as_far_as_it_is_known(flags: str, known: str) -> None:
    for more in ("", "-", "-what-comes"):
        assert read_trace([f"cc-{TRACE}-{SPAN}-{flags}{more}"], []) == f"00-{TRACE}-{SPAN}-{known}"


@pytest.mark.parametrize(
    ("states", "sent"),
    [
        (["a=1"], "a=1"),
        (["a=1", "b=2"], "a=1,b=2"),
        ([" a=1 ,, b=2\t,"], "a=1,b=2"),
        (["fw529a3039@dt=FfAaBb,1a-_*/=!~ 2"], "fw529a3039@dt=FfAaBb,1a-_*/=!~ 2"),
        ([""], None),
        ([","], None),
        *[([bad], None) for bad in BAD_STATES if not bad.endswith(",")],
    ],
)
def test_a_tracestate_goes_along_if_all_of_it_is_valid(states: list[str], sent: str | None) -> None:
    trace = read_trace([PARENT], states)
    assert trace is not None
    assert trace_headers(trace, {}) == {"traceparent": PARENT, **({"tracestate": sent} if sent else {})}


def test_of_a_long_tracestate_long_members_go_first_and_then_the_last_ones() -> None:
    long, short = "long=" + "x" * 200, [f"k{number}=" + "x" * 100 for number in range(6)]
    trace = read_trace([PARENT], [",".join([short[0], long, *short[1:]])])
    assert trace is not None
    assert trace_headers(trace, {})["tracestate"] == ",".join(short[:4])
    whole = ",".join([long, short[0]])
    assert read_trace([PARENT], [whole]) == f"{PARENT} {whole}"


@given(st.text() | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"), st.lists(st.text()))
def test_whatever_comes_what_goes_on_is_short_and_fits_a_header(parent: str, states: list[str]) -> None:
    trace = read_trace([parent], states)
    if trace is not None:
        headers = trace_headers(trace, {})
        assert len(headers["traceparent"]) == 55
        assert len(headers.get("tracestate", "")) <= LONGEST_STATE
        assert all(value.isascii() and value.isprintable() for value in headers.values())


@pytest.mark.parametrize("name", ["traceparent", "TraceParent", "tracestate", "TRACESTATE"])
def test_a_customers_own_header_wins(name: str) -> None:
    assert trace_headers(f"{PARENT} a=1", {name: "mine"}) == {}
    assert trace_headers(PARENT, {"x-other": "mine"}) == {"traceparent": PARENT}
