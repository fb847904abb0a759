"""Finds the regular expressions of the code, and tells which of them may try one text in many ways.

An expression is read as an automaton of its characters' places (Glushkov). Python's `re` tries one way after the
other, so that its work is bounded by the number of ways; these grow with the text where a place is reached again in
two ways by one text (exponentially), or where one repetition leads into another by a text that both repeat
(polynomially). See Weideman et al., "Analyzing Matching Time Behavior of Backtracking Regular Expression Matchers".
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import product
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]  # what re._parser answers in, not in typeshed
from re import _parser  # type: ignore[attr-defined]  # the only parser that reads exactly what re does
from typing import Any, TypeVar

from msgspec import Meta

T = TypeVar("T")
#: All of Latin-1, and one digit, letter, blank and sign from beyond.
ALPHABET = tuple(chr(code) for code in (*range(256), 0x0663, 0x4E00, 0x2003, 0x2192))
#: What counts the same for `re` and does not match anything by itself.
_ZERO_WIDTH = (sre.AT, sre.ASSERT, sre.ASSERT_NOT)
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_BEGINNING, _END = (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING), (sre.AT_END, sre.AT_END_STRING)


def written_names(path: Path) -> Iterator[str]:
    """The names that a file gives to its expressions, `""` for each that has none."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {
        call: target.id
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
        for call in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if _makes_expression(node):
            yield named.get(node, "")


def _makes_expression(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module in ("re", "regex", "re2")
    if isinstance(node, ast.Import):
        return any(name.name in ("regex", "re2") or (name.name == "re" and name.asname) for name in node.names)
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    if called in ("Meta", "msgspec.Meta"):
        return any(keyword.arg == "pattern" for keyword in node.keywords)
    return called.startswith("re.") and called != "re.escape"


def expressions_of(name: str) -> list[str]:
    """The texts of the expressions behind `module:name`: a pattern, a method of one, or a type with msgspec's Meta."""
    module, _, attribute = name.partition(":")
    found = getattr(import_module(module), attribute)
    found = getattr(found, "__self__", found)
    if isinstance(found, re.Pattern):
        return [found.pattern]
    return [each.pattern for each in found.__metadata__ if isinstance(each, Meta) and each.pattern is not None]


@dataclass(frozen=True)
class _Part:
    """A part of an expression: in how many ways it matches nothing, and at which places a match may begin and end."""

    empty: int
    first: Counter[int]
    last: Counter[int]


@dataclass
class Automaton:
    """The places of an expression: what each matches, and which may follow it, by how many ways."""

    matches: list[frozenset[str]] = field(default_factory=list)
    follow: dict[int, Counter[int]] = field(default_factory=dict)
    ends: frozenset[int] = frozenset()
    anchored: bool = False

    def reach(self, start: Iterable[int]) -> set[int]:
        """All places that follow, sooner or later."""
        return _reach(start, lambda place: self.follow[place])


def automaton(pattern: str, how: str) -> Automaton:
    """The automaton of an expression that is used with `fullmatch`, `match` or `search`."""
    parsed = _parser.parse(pattern)
    assert parsed.state.flags & ~re.UNICODE == 0, "flags are not understood here"
    items = list(parsed)
    built = Automaton(anchored=how == "fullmatch" or (bool(items) and items[-1][0] is sre.AT and items[-1][1] in _END))
    starts = bool(items) and items[0][0] is sre.AT and items[0][1] in _BEGINNING
    if how == "search" and not starts:
        items.insert(0, (sre.MIN_REPEAT, (0, sre.MAXREPEAT, [(sre.ANY, None)])))
    built.ends = frozenset(_sequence(built, items).last)
    return built


def _sequence(built: Automaton, items: Iterable[Any]) -> _Part:
    whole = _Part(empty=1, first=Counter(), last=Counter())
    for operation, argument in items:
        part = _part(built, operation, argument)
        _connect(built, whole.last, part.first)
        whole = _Part(
            empty=whole.empty * part.empty,
            first=whole.first + _times(part.first, whole.empty),
            last=_times(whole.last, part.empty) + part.last,
        )
    return whole


def _part(built: Automaton, operation: Any, argument: Any) -> _Part:
    if operation in _ZERO_WIDTH:
        return _Part(empty=1, first=Counter(), last=Counter())
    if operation is sre.SUBPATTERN:
        return _sequence(built, argument[-1])
    if operation is sre.ATOMIC_GROUP:
        return _sequence(built, argument)
    if operation is sre.BRANCH:
        return _branches([_sequence(built, branch) for branch in argument[1]])
    if operation in _REPEATS:
        return _repeat(built, *argument)
    built.matches.append(_characters(operation, argument))
    place = len(built.matches) - 1
    built.follow[place] = Counter()
    return _Part(empty=0, first=Counter([place]), last=Counter([place]))


def _times(places: Counter[int], ways: int) -> Counter[int]:
    return Counter({place: count * ways for place, count in places.items() if ways})


def _branches(parts: list[_Part]) -> _Part:
    none: Counter[int] = Counter()
    return _Part(
        empty=sum(part.empty for part in parts),
        first=sum((part.first for part in parts), none),
        last=sum((part.last for part in parts), none),
    )


def _repeat(built: Automaton, least: int, most: int, body: Any) -> _Part:
    """A bounded repetition is taken for an endless one: {0,1000} is bad enough."""
    part = _sequence(built, body)
    if most > 1:
        _connect(built, part.last, part.first)
    return _Part(empty=part.empty + (least == 0), first=part.first, last=part.last)


def _connect(built: Automaton, last: Counter[int], first: Counter[int]) -> None:
    for (before, ways), (after, more) in product(last.items(), first.items()):
        built.follow[before][after] += ways * more


def _characters(operation: Any, argument: Any) -> frozenset[str]:
    if operation is sre.ANY:
        return frozenset(ALPHABET) - {"\n"}
    if operation in (sre.LITERAL, sre.NOT_LITERAL):
        return _taken([(sre.LITERAL, argument)], negated=operation is sre.NOT_LITERAL)
    assert operation is sre.IN, f"{operation} is not understood here"
    return _taken([item for item in argument if item[0] is not sre.NEGATE], negated=argument[0][0] is sre.NEGATE)


def _taken(items: list[Any], *, negated: bool) -> frozenset[str]:
    return frozenset(each for each in ALPHABET if any(_is_in(each, *item) for item in items) is not negated)


def _is_in(character: str, operation: Any, argument: Any) -> bool:
    if operation is sre.LITERAL:
        return bool(ord(character) == argument)
    if operation is sre.RANGE:
        return bool(argument[0] <= ord(character) <= argument[1])
    return re.fullmatch(_CATEGORIES[argument], character) is not None


_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_NOT_WORD: r"\W",
}


def ambiguity(pattern: str, how: str) -> str | None:
    """How the work on one text grows faster than the text, `exponential` or `polynomial`; None if it does not."""
    built = automaton(pattern, how)
    loops = {place: built.reach(built.follow[place]) for place in built.follow}
    looping = [place for place, reached in loops.items() if place in reached]
    for place in looping:
        if _returns_in_two_ways(built, place, loops):
            return "exponential"
    for one, other in product(looping, repeat=2):
        # A search that can always end where it is has no reason to go back.
        settled = other in built.ends and not built.anchored
        if one != other and other in loops[one] and not settled and _leads_over(built, one, other, loops):
            return "polynomial"
    return None


def _returns_in_two_ways(built: Automaton, place: int, loops: dict[int, set[int]]) -> bool:
    """Whether one text leads from the place back to it in two ways."""
    circle = {each for each in loops[place] if place in loops[each]}
    if any(ways > 1 for each in circle for after, ways in built.follow[each].items() if after in circle):
        return True
    within = (circle, circle)
    apart = [pair for pair in _together(built, (place, place), within) if pair[0] != pair[1]]
    return any((place, place) in _together(built, pair, within) for pair in apart)


def _leads_over(built: Automaton, one: int, other: int, loops: dict[int, set[int]]) -> bool:
    """Whether one text leads from `one` to itself, from `one` to `other`, and from `other` to itself."""
    within = ({each for each in loops[one] if one in loops[each]}, loops[one] | {one}, loops[other])
    return (one, other, other) in _together(built, (one, one, other), within)


def _together(built: Automaton, start: tuple[int, ...], within: tuple[set[int], ...]) -> set[tuple[int, ...]]:
    """Where several ways can come to that read the same text, each within its places."""

    def after(places: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        for found in product(*(set(built.follow[place]) & part for place, part in zip(places, within, strict=True))):
            if frozenset.intersection(*(built.matches[place] for place in found)):
                yield found

    return _reach(after(start), after)


def _reach(start: Iterable[T], after: Callable[[T], Iterable[T]]) -> set[T]:
    seen = set(start)
    waiting = list(seen)
    while waiting:
        for found in after(waiting.pop()):
            if found not in seen:
                seen.add(found)
                waiting.append(found)
    return seen
