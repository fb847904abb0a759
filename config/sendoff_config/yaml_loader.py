"""YAML without its surprises: no key twice, and no numbers that were not written as such.

YAML 1.1 reads `00123` as 83, `2:30` as 150 and `2026-01-01` as a date; here they stay the texts they are, as in
YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema).
"""

import re
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(
    r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)(?:[eE][-+]?[0-9]+)?)|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN))\Z"
)
#: What PyYAML raises for a value that its tag does not fit.
_UNFIT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_REPLACED = ("int", "float", "timestamp")


class PlainLoader(yaml.SafeLoader):
    """A SafeLoader for people's configuration files."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys are all different; raises a ConstructorError that names the one that is not."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != f"{_TAG}merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value} is there twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.removeprefix(_TAG) not in _REPLACED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
PlainLoader.add_implicit_resolver(f"{_TAG}int", _INTEGER, list("-+0123456789"))
PlainLoader.add_implicit_resolver(f"{_TAG}float", _FLOAT, list("-+.0123456789"))


def parse_yaml(text: str) -> Any:
    """The document in the text; raises ValueError that says what is wrong and where, without quoting a line.

    A line may hold a password.
    """
    try:
        return yaml.load(text, PlainLoader)  # noqa: S506 it is a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
        raise ValueError(in_one_line(f"{where}{error.problem or error.context}")) from None
    except yaml.YAMLError as error:
        raise ValueError(str(error).partition("\n")[0]) from None
    except RecursionError:
        raise ValueError("lists and maps are too deep in one another") from None
    except _UNFIT:  # their texts quote the value
        raise ValueError("a value is not what its tag (!!int, !!bool, ...) says") from None


def in_one_line(text: str) -> str:
    """The text with everything escaped that is not printed: a key may hold line breaks, and begin lines of its own."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
