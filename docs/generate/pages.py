"""All pages of the reference by the names of their files."""

from pathlib import Path

from generate.commands import commands_page
from generate.configuration import configuration_page
from generate.event_types import event_types_page
from generate.operations import operations_page
from generate.problems import problems_page

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"


def reference_pages() -> dict[str, str]:
    """What `make reference` writes into docs/reference/."""
    config = (ROOT / "config.yaml").read_text(encoding="utf-8")
    return {
        "config.md": configuration_page(config),
        "api.md": operations_page(),
        "problems.md": problems_page(sorted((ROOT / "http").rglob("*.py"))),
        "cli.md": commands_page(),
        "events.md": event_types_page(),
    }
