"""`sendoff export`: messages into NDJSON, CSV or standard output, each as it is shown."""

import csv
import json
from pathlib import Path

from support.api import Api
from support.api_command import ApiCommand
from support.jobs import steps_taken


def names_in(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


async def test_messages_are_written_into_a_file_that_is_whole_or_not_there(
    api: Api, command: ApiCommand, tmp_path: Path
) -> None:
    made = [await api.create(to=f"n{number}", content={"n": number}) for number in range(3)]
    path = tmp_path / "all.ndjson"
    async with steps_taken(api):
        job = await command.json("export", str(path), "--all")
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert (job["done"], [one["id"] for one in found]) == (3, [one["id"] for one in made])
    assert names_in(tmp_path) == ["all.ndjson"]
    again = tmp_path / "again.ndjson"
    assert "3 messages are written" in await command.said("export", str(again), "--job", job["id"])
    assert again.read_bytes() == path.read_bytes()
    nowhere = await command.run("export", str(tmp_path / "no" / "where.csv"), "--job", job["id"])
    assert (nowhere.returncode, "can't be written" in nowhere.stderr) == (1, True)


async def test_csv_has_a_column_for_each_field(api: Api, command: ApiCommand, tmp_path: Path) -> None:
    await api.create(to="jane", content="two\nlines", metadata={"plan": "gold"})
    await api.create(to="joe", content={"n": 1})
    path = tmp_path / "jane.csv"
    async with steps_taken(api):
        await command.said("export", str(path), "--to", "jane")
        assert '"to":"joe"' in await command.said("export", "-", "--to", "joe")
    with path.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["to"], row["content"], row["metadata"]) == ("jane", "two\nlines", '{"plan": "gold"}')
    assert row["sentAt"] == ""


async def test_without_filters_nothing_is_exported(command: ApiCommand, api: Api) -> None:
    refused = await command.run("export", "-")
    assert (refused.returncode, "expected either filters or --all" in refused.stderr) == (2, True)
    assert await api.count("jobs") == 0
