"""The guide: its reference is what the code says, every page can be found, and its examples are accepted."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from generate.configuration import sections
from generate.pages import FOLDER, reference_pages
from generate.site_hooks import hidden_blocks, point_inwards
from sendoff_cli.command_list import load_commands
from sendoff_config.settings import Settings
from sendoff_http.app import OPERATIONS
from support.layout import ROOT
from support.pages import Block, code_blocks

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
MODELS = {one.path: one.body.models["application/json"] for one in OPERATIONS if one.body and one.method == "POST"}


def examples(language: str) -> list[tuple[Path, Block]]:
    return [(page, block) for page in PAGES for block in code_blocks(page) if block.language == language]


def test_the_reference_is_what_make_reference_writes() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    stale = [name for name, text in reference_pages().items() if written.pop(name, None) != text]
    assert (stale, list(written)) == ([], []), "run `make reference` and commit what it writes"


def test_the_reference_has_every_setting() -> None:
    shown = {key.path for _, _, keys in sections((ROOT / "config.yaml").read_text(encoding="utf-8")) for key in keys}
    missing = [name for name in setting_names(Settings) if not any(f"{path}.".startswith(f"{name}.") for path in shown)]
    assert missing == []


def setting_names(model: Any, prefix: str = "") -> list[str]:
    names = []
    for name, field in model.model_fields.items():
        path = prefix + (field.alias or name)
        names.append(path)
        if hasattr(field.annotation, "model_fields"):
            names += setting_names(field.annotation, f"{path}.")
    return names


def test_no_problem_and_no_setting_is_without_words() -> None:
    pages = reference_pages()
    assert [
        row for name in ("problems.md", "config.md") for row in pages[name].splitlines() if row.endswith("|  |")
    ] == []


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [page.name[:4] for page in sorted((DOCS / "adr").glob("*.md"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_every_page_is_in_the_navigation() -> None:
    described = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = set(re.findall(r"[\w/-]+\.md", json.dumps(described["nav"])))
    written = {str(page.relative_to(DOCS)) for page in PAGES if page.parent.name != "adr"}
    assert (written - listed, listed - written) == (set(), set()), "add it to `nav` in mkdocs.yml"


@pytest.mark.parametrize(
    ("page", "link", "shown"),
    [
        ("retries.md", "[config.yaml](../config.yaml)", "[config.yaml](reference/config.md)"),
        ("how-to/a.md", "[config.yaml](../../config.yaml)", "[config.yaml](../reference/config.md)"),
        ("adr/0001.md", "[events](../events.md#a)", "[events](../events.md#a)"),
        ("runbook.md", "[a](../deploy/a.yml)", "a (`deploy/a.yml`)"),
        ("runbook.md", "[deploy/a.yml](../deploy/a.yml)", "`deploy/a.yml`"),
    ],
)
def test_a_link_that_leads_out_of_the_guide_becomes_a_name(page: str, link: str, shown: str) -> None:
    assert point_inwards(link, page) == shown


def test_a_block_of_code_that_is_not_shown_as_one_is_told() -> None:
    written = "```sh terminal=1\nmake run\n```\n\n- In a list:\n\n    ```text\n    ready\n    ```\n"
    assert hidden_blocks(written, '<div class="highlight">make run</div><div class="highlight">ready</div>') == 0
    assert hidden_blocks(written, "<p>```sh terminal=1 make run</p>") == 2


def test_every_block_that_is_not_run_says_why() -> None:
    reasons = [
        block.attributes["not-run"]
        for language in ("sh", "json")
        for _, block in examples(language)
        if "not-run" in block.attributes
    ]
    assert all(len(reason.split()) > 2 for reason in reasons)


def test_every_example_of_a_body_is_accepted() -> None:
    bodies = [block for _, block in examples("json") if "message" in block.attributes or "post" in block.attributes]
    assert len(bodies) > 8
    for block in bodies:
        model = TypeAdapter(MODELS[block.attributes.get("post", "/v1/messages")])
        model.validate_json(block.text)


def test_every_example_of_settings_is_accepted() -> None:
    sections_of_settings = {field.alias or name for name, field in Settings.model_fields.items()}
    documents = [yaml.safe_load(block.text) for _, block in examples("yaml")]
    settings = [one for one in documents if isinstance(one, dict) and set(one) <= sections_of_settings]
    assert len(settings) > 8
    for one in settings:
        Settings.model_validate(one)


def test_every_command_that_is_shown_exists_with_its_options() -> None:
    commands = [
        line
        for _, block in examples("sh")
        for line in block.text.replace("\\\n", " ").splitlines()
        if line.startswith("sendoff ")
    ]
    assert len(commands) > 25
    assert [problem for line in commands if (problem := problem_with(line))] == []


def test_every_command_in_a_sentence_exists_with_its_options() -> None:
    """`sendoff keys` alone names a group; what follows a command in such a sentence is an example or stands for one."""
    said = {
        (page.name, " ".join(command.split()))
        for page in PAGES
        for command in re.findall(r"`(sendoff [a-z][^`|…]*)`", page.read_text(encoding="utf-8"))
    }
    assert len(said) > 25
    assert [(page, problem) for page, line in sorted(said) if (problem := problem_with(line))] == []


def problem_with(line: str) -> str:
    """What is wrong with a command, "" if nothing is."""
    command: Any = None
    inner: Any = load_commands()
    words = shlex.split(re.split(r" [>|] ", line)[0])[1:]
    if words == ["--version"]:
        return ""
    while words and inner is not None:
        if words[0] not in inner:
            return f"there is no {words[0]}"
        command, words = inner[words[0]], words[1:]
        inner = getattr(command, "commands", None)
    known = {word for parameter in command.params for word in parameter.opts}
    unknown = [word for word in words if word.startswith("--") and word not in known]
    return f"{line}: {unknown}" if unknown else ""
