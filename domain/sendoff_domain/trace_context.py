"""W3C Trace Context: what a request says of the trace that it belongs to, and what the next one says.

A trace is kept as one text: the `traceparent`, always 55 characters, and behind a blank the `tracestate`, if there is
one. What is not as the recommendation has it is ignored, never refused: no message fails for the sake of its trace.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
#: How long a tracestate may be that is passed on (characters); the recommendation asks for as much at least.
LONGEST_STATE = 512

_LENGTH = 55
#: A tracestate that is longer is not even looked at (characters): one on NATS could have a megabyte.
_LONGEST_READ = 8192
#: From where on it is cut: members that are longer go first.
_LONG_MEMBER = 128
_MOST_MEMBERS = 32
_match_parent = re.compile(
    r"([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
).fullmatch
_match_member = re.compile(
    r"([a-z0-9][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
).fullmatch


def read_trace(parents: Sequence[str], states: Iterable[str]) -> str | None:
    """The trace in the values of a request's headers `traceparent` and `tracestate`, or None if there is no valid one.

    What a later version of the recommendation says is understood as far as this one goes.
    """
    match = _match_parent(parents[0].strip(" \t")) if len(parents) == 1 else None
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if version != "00":
        flags = f"0{int(flags, 16) & 1}"
    state = _read_state(states)
    return f"00-{trace_id}-{span_id}-{flags}" + (f" {state}" if state else "")


def is_sampled(trace: str) -> bool:
    """Whether spans of this trace are recorded."""
    return int(trace[53:_LENGTH], 16) & 1 == 1


def trace_id_of(trace: str) -> str:
    """The id of a trace as people search for it: 32 hexadecimal digits."""
    return trace[3:35]


def parse_trace(trace: str) -> tuple[int, int, int]:
    """The numbers of a trace: its id, that of the span which is the parent, and the flags."""
    return int(trace[3:35], 16), int(trace[36:52], 16), int(trace[53:_LENGTH], 16)


def write_trace(trace_id: int, span_id: int, flags: int, parent: str | None) -> str:
    """A trace with another span as the parent; the tracestate of `parent` goes along."""
    return f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}" + ("" if parent is None else parent[_LENGTH:])


def trace_headers(trace: str, own: Mapping[str, str]) -> dict[str, str]:
    """The headers that pass a trace on; none if a customer's `own` have one of them, which then go alone."""
    if own and not {TRACEPARENT, TRACESTATE}.isdisjoint(name.lower() for name in own):
        return {}
    headers = {TRACEPARENT: trace[:_LENGTH]}
    if len(trace) > _LENGTH:
        headers[TRACESTATE] = trace[_LENGTH + 1 :]
    return headers


def _read_state(states: Iterable[str]) -> str:
    """The members of all these headers within the limit, or nothing if one of them is none."""
    text = ",".join(states)
    if len(text) > _LONGEST_READ:
        return ""
    members = [stripped for member in text.split(",") if (stripped := member.strip(" \t"))]
    matches = [_match_member(member) for member in members]
    keys = {match[1] for match in matches if match is not None}
    if len(keys) < len(members) or len(members) > _MOST_MEMBERS:  # a member that is none, or a key that is there twice
        return ""
    if len(",".join(members)) > LONGEST_STATE:
        members = [member for member in members if len(member) <= _LONG_MEMBER]
    while len(state := ",".join(members)) > LONGEST_STATE:
        members.pop()
    return state
