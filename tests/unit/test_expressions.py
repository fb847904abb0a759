"""No text from outside makes a regular expression, or what reads short texts, work longer than its length allows.

The patterns that pydantic gets (`StringConstraints`, `Field`) need no entry: it matches with Rust's regex, which is
linear whatever the pattern. msgspec matches with Python's `re`, so that the patterns of its `Meta` do.
"""

import re
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

from support.expressions import ambiguity, expressions_of, written_names
from support.layout import FOLDERS, ROOT

#: How long the worst texts are (characters), and how long they may take all together (seconds): one is usual.
SIZE, PATIENCE = 100_000, 60
#: The parts of a worst text: what comes first, what is repeated, and the near miss at the end.
Worst = tuple[str, str, str]

#: How each expression is used, and its worst text.
EXPRESSIONS: dict[str, tuple[str, Worst]] = {
    "sendoff_cli.servers.binaries:_NUMBER": ("search", ("", "v.", "")),
    "sendoff_config.environment:_KUBERNETES": ("search", ("", "A_SERVICE_PORT_PORT_1", "-")),
    "sendoff_config.environment:_KUBERNETES_PORT": ("fullmatch", ("tcp://", ":1", "x")),
    "sendoff_config.environment:_WORDS": ("fullmatch", ("", "A_", "-")),
    "sendoff_config.identity:_UNSAFE": ("search", ("", "a.", "")),
    "sendoff_config.logs:_UNSAFE": ("search", ("", "a\n", "")),
    "sendoff_config.logs:_UNSAFE_IN_TRACES": ("search", ("", "a\x1b", "")),
    "sendoff_config.settings:_is_host_name": ("fullmatch", ("", "a.", "!")),
    "sendoff_config.yaml_loader:_FLOAT": ("match", ("", "1", "e")),
    "sendoff_config.yaml_loader:_INTEGER": ("match", ("", "1", "x")),
    "sendoff_domain.control:_CommandId": ("search", ("", "x", " ")),
    "sendoff_domain.times:_is_duration": ("fullmatch", ("", "1.1ms", "1.")),
    "sendoff_domain.times:_is_simple": ("fullmatch", ("", "1", "m")),
    # Searches only what is a duration as a whole, so that it matches where it begins.
    "sendoff_domain.times:_PART": ("match", ("", "1", ".")),
    "sendoff_domain.json_pointer:_INDEX": ("fullmatch", ("", "1", "x")),
    "sendoff_domain.trace_context:_match_member": ("fullmatch", ("a@", "a", "=")),
    "sendoff_domain.trace_context:_match_parent": ("fullmatch", ("00-1", "0", "-")),
    "sendoff_domain.webhook_addresses:_NUMBER": ("fullmatch", ("0x", "0", "x")),
    "sendoff_domain.webhook_addresses:_PART": ("fullmatch", ("0", "0", "8")),
    "sendoff_domain.response_rule.rule:_STATUS_PATTERN": ("fullmatch", ("2", "x", "")),
    "sendoff_domain.texts:CustomerId": ("search", ("", "a", "\n")),
    "sendoff_domain.texts:Reference": ("search", ("", "a", "\n")),
    "sendoff_domain.texts:Remark": ("search", ("", "a", "\0")),
    "sendoff_domain.texts:match_customer_id": ("fullmatch", ("", "a", "\n")),
    "sendoff_domain.times:_is_rfc3339": ("fullmatch", ("2026-01-31T08:00:00.", "0", "+")),
    "sendoff_domain.webhook_headers:_is_printable": ("fullmatch", ("", "a ", " ")),
    "sendoff_domain.webhook_headers:_is_token": ("fullmatch", ("", "a", ":")),
    "sendoff_domain.webhook_addresses:_RANGE": ("fullmatch", ("", "1", "-")),
    "sendoff_domain.webhook_url:_AUTHORITY": ("fullmatch", ("[", ":", "")),
    "sendoff_domain.webhook_url:_LABEL": ("fullmatch", ("", "a", "!")),
    "sendoff_http.web.etags:_find_strong": ("search", ("", '"1', "")),
    "sendoff_http.web.etags:_is_list": ("fullmatch", ('""', ' , W/""', " ,")),
    "sendoff_http.web.openapi:_PLACEHOLDER": ("search", ("", "{", "")),
    "sendoff_http.web.request_log:_is_sane": ("fullmatch", ("", "a", " ")),
    "sendoff_intake.submission_reader:match_idempotency_key": ("fullmatch", ("", "a ", " ")),
    "sendoff_domain.webhook_url:_NAME": ("fullmatch", ("", "a.", "/")),
    "sendoff_webhooks.client.webhook_client:_NAME": ("fullmatch", ("", "a", ":")),
}

#: What reads a short text without an expression, or with more than that, and its worst text.
READERS: dict[str, Worst] = {
    "sendoff_config.yaml_loader:parse_yaml": ("", "1", "x"),
    "sendoff_domain.times:parse_duration": ("", "1ns", "1"),
    "sendoff_domain.ids:parse_message_id": ("msg_", "0", ""),
    "sendoff_domain.json_pointer:parse_pointer": ("", "/", "~"),
    "sendoff_domain.webhook_addresses:literal_address": ("", "0.", "x"),
    "sendoff_domain.times:parse_moment": ("2026-01-31T08:00:00.", "0", "Z"),
    "sendoff_domain.webhook_headers:checked_value": ("", " a", " "),
    "sendoff_domain.webhook_headers:is_confidential": ("", "-key", "\n"),
    "sendoff_domain.webhook_addresses:parse_ports": ("", "1", "-"),
    "sendoff_domain.webhook_url:checked_webhook_url": ("http://", "a.", "~"),
    "sendoff_http.web.pagination:_parse": ("", " ", "01:00"),
}


def text_of(worst: Worst, size: int = SIZE) -> str:
    start, repeated, miss = worst
    return start + repeated * (size // len(repeated)) + miss


def names_in(path: Path) -> list[str]:
    folder = next(ROOT / folder for folder in FOLDERS if path.is_relative_to(ROOT / folder))
    module = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
    return [f"{module}:{name}" for name in written_names(path)]


def test_every_expression_of_the_code_has_a_name_and_its_worst_text_here() -> None:
    code = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    assert {name for path in code for name in names_in(path)} == set(EXPRESSIONS)


def test_pydantic_does_not_match_with_python() -> None:
    code = (path.read_text(encoding="utf-8") for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    assert not any("python-re" in text or "regex_engine" in text for text in code)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_reads_any_text_in_few_ways(name: str) -> None:
    how, _ = EXPRESSIONS[name]
    patterns = expressions_of(name)
    assert patterns
    assert {pattern: ambiguity(pattern, how) for pattern in patterns} == dict.fromkeys(patterns)


@pytest.mark.parametrize(
    ("pattern", "how", "growth"),
    [
        (r"(/([^~\0]|~[01])*)*", "fullmatch", "exponential"),
        (r"(a*)*b", "fullmatch", "exponential"),
        (r"(a|a)*b", "fullmatch", "exponential"),
        (r"(ab|[ab]b)*c", "fullmatch", "exponential"),
        (r"(?:a+b?)+$", "match", "exponential"),
        (r"(?:\d{1,9}){1,9}x", "fullmatch", "exponential"),
        (r"\s*,\s*\s*", "fullmatch", "polynomial"),
        (r"(?:.*[-_.])?key(?:[-_.].*)?", "fullmatch", "polynomial"),
        (r"[0-9]+x", "search", "polynomial"),
        (r"[0-9]+", "search", None),
        (r"\A[0-9]+x", "search", None),
        (r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|m|s))+", "fullmatch", None),
        (r"[!-~](?:[ -~]*[!-~])?", "fullmatch", None),
        (r"(/[^/~]*(~[01][^/~]*)*)*", "fullmatch", None),
    ],
)
def test_an_expression_that_grows_is_known(pattern: str, how: str, growth: str | None) -> None:
    assert ambiguity(pattern, how) == growth


def test_the_worst_texts_are_read_at_once() -> None:
    """In a process of its own: what hangs in an expression can't be interrupted."""
    done = subprocess.run(
        [sys.executable, "-c", "from unit import test_expressions as test; test.read_the_worst()"],
        cwd=ROOT / "tests",
        timeout=PATIENCE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def read_the_worst() -> None:
    """Every expression and every reader with its worst text, and with shorter ones that are within most limits."""
    for size in (60, 250, SIZE):
        for name, (how, worst) in EXPRESSIONS.items():
            for pattern in expressions_of(name):
                try_expression(re.compile(pattern), how, text_of(worst, size))
        for name, worst in READERS.items():
            try_reader(name, text_of(worst, size))


def try_expression(expression: re.Pattern[str], how: str, text: str) -> None:
    if how == "search":
        expression.findall(text)
    else:
        getattr(expression, how)(text)


def try_reader(name: str, text: str) -> None:
    module, _, function = name.partition(":")
    with suppress(ValueError):
        getattr(import_module(module), function)(text)
