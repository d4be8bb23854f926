"""`smm attribute`: CSV in a pipe, JSON, tables on a terminal, notes, and the example of the page."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from smm_pipeline.attribution import ALL_MODELS, Model
from smm_pipeline.cli.attribution import attribute_file, to_rich
from smm_pipeline.settings import PROJECT_ROOT
from tests.commands import smm

PAGE = (PROJECT_ROOT / "docs" / "attribution.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```csv\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TABLE = (
    "path,conversions,value,nulls,note\n"
    "VK > Direct,30,300.01,10,x\n"
    "VK > Direct,1,10.00,2,x\n"
    "[b]Forum[/b] > VK > Direct,2,20.00,0,x\n"
    "Direct,7,70.00,3,x\n"
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "paths.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_the_example_of_the_page_gives_what_the_page_says(tmp_path: Path) -> None:
    told, expected = BLOCKS
    (tmp_path / "paths.csv").write_text(told, encoding="utf-8")
    said = smm(tmp_path, "attribute", str(tmp_path / "paths.csv"), "--model", "linear")
    assert (said.returncode, said.stdout) == (0, expected)


def test_the_page_names_every_model() -> None:
    assert re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE) == list(Model)


def test_csv_has_a_row_per_model_and_channel_and_intervals_when_asked_for(tmp_path: Path, table: Path) -> None:
    words = ["attribute", str(table), "--model", "markov", "--model", "last_non_direct", "--model", "markov"]
    said = smm(tmp_path, *words, "--intervals")
    assert said.returncode == 0, said.stderr
    rows = list(csv.DictReader(io.StringIO(said.stdout)))
    channels = ["VK", "Direct", "[b]Forum[/b]"]
    assert [(row["model"], row["channel"]) for row in rows] == [
        (model, channel) for model in ("markov", "last_non_direct") for channel in channels
    ]
    # All paths but 7 conversions and 3 nulls of Direct alone go through VK, and all end with Direct.
    assert [row["conversions"] for row in rows[3:]] == ["33.0", "7.0", "0.0"]
    assert [row["value"] for row in rows[3:]] == ["330.01", "70.00", "0.00"]
    assert [row["removal_effect"] for row in rows[3:]] == ["", "", ""]
    assert float(rows[1]["removal_effect"]) == pytest.approx(1)
    assert [row["too_few_paths"] for row in rows[:3]] == ["false", "false", "true"]
    assert float(rows[3]["conversions_low"]) < 33 < float(rows[3]["conversions_high"])
    assert float(rows[3]["value_low"]) < 330 < float(rows[3]["value_high"])
    notes = said.stderr.splitlines()
    assert notes[:2] == ["note: not read: note", "note: 1 repeated path added to the first of its kind"]
    assert notes[2].startswith("note: too few paths: fewer than 30 conversions have [b]Forum[/b] on their path;")
    assert len(notes) == 3


def test_no_channel_is_a_formula_to_a_spreadsheet(tmp_path: Path) -> None:
    """JSON, which no spreadsheet computes, has the names as they are."""
    path = tmp_path / "paths.csv"
    path.write_text("path,conversions\n=1+1 > @sum(1) > -7,40\n", encoding="utf-8")
    said = smm(tmp_path, "attribute", str(path), "--model", "linear")
    rows = list(csv.DictReader(io.StringIO(said.stdout)))
    assert [row["channel"] for row in rows] == ["'=1+1", "'@sum(1)", "-7"]
    found = json.loads(smm(tmp_path, "attribute", str(path), "--model", "linear", "--json").stdout)
    assert [credit["channel"] for credit in found["credits"]] == ["=1+1", "@sum(1)", "-7"]


def test_json_has_the_notes_and_what_channels_did(tmp_path: Path, table: Path) -> None:
    said = smm(tmp_path, "attribute", str(table), "--json")
    assert (said.returncode, said.stderr) == (0, "")
    found = json.loads(said.stdout)
    assert len(found["credits"]) == len(ALL_MODELS) * 3
    assert found["credits"][0] == {
        "model": "first",
        "channel": "VK",
        "conversions": 31.0,
        "value": "310.01",
        "removal_effect": None,
        "too_few_paths": False,
    }
    assert found["channels"][0] == {
        "channel": "VK",
        "touched_conversions": 33,
        "last_conversions": 0,
        "assisted_conversions": 33,
        "assisted_to_last_ratio": None,
    }
    assert (found["journeys"]["conversions"], found["journeys"]["value"]) == (40, "400.01")
    assert any("each step back counts as one day" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("content", "models", "words"),
    [
        ("path,conversions\nDirect,40\n", ["markov"], ["there is no column nulls"]),
        ("path,conversions,nulls\nDirect,40,0\n", ["markov"], ["all are 0 in the column nulls"]),
        ("path,conversions,nulls\nVK,40,1\n", ["last_non_direct"], ["no channel is named Direct"]),
        ("path,conversions,nulls\nVK,0,1\n", ["markov"], ["nothing to share out", "fewer than 30"]),
        ("path,conversions,nulls\nVK,40,1\n", ["linear", "markov", "shapley"], []),
        ("path,conversions\nVK,40\n", ["linear"], []),
    ],
)
def test_notes_say_what_the_figures_cannot(tmp_path: Path, content: str, models: list[str], words: list[str]) -> None:
    path = tmp_path / "paths.csv"
    path.write_text(content, encoding="utf-8")
    notes = attribute_file(path, [Model(name) for name in models], ["Direct"], with_intervals=False).notes
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True)), notes


def test_no_figure_is_cut_off_on_a_narrow_terminal(table: Path) -> None:
    """The models that have no room stand in tables below."""
    console = Console(file=io.StringIO(), width=80)
    console.print(to_rich(attribute_file(table, ALL_MODELS, ["Direct"], with_intervals=True), 80))
    shown = console.file.getvalue() if isinstance(console.file, io.StringIO) else ""
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    assert [line.strip() for line in shown.splitlines()].count("Value") > 1
    assert all(name in shown for name in ("shapley", "time decay"))


def test_tables_on_a_terminal_stand_side_by_side(table: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    console.print(to_rich(attribute_file(table, ALL_MODELS, ["Direct"], with_intervals=True), 200))
    shown = console.file.getvalue() if isinstance(console.file, io.StringIO) else ""
    titles = [line.strip() for line in shown.splitlines() if line.strip() in {"Conversions", "Value", "Channels"}]
    assert titles == ["Conversions", "Value", "Channels"]
    [first_row] = [line for line in shown.splitlines() if line.split()[:1] == ["VK"] and "310.01" in line]
    assert first_row.split()[:4] == ["VK", "310.01", "0.00", "330.01"]
    [forum] = [line for line in shown.splitlines() if "too few paths" in line]
    assert forum.split()[:5] == ["[b]Forum[/b]", "2", "0", "2", "\N{EN DASH}"]
    assert "40 conversions worth 400.01, 15 paths without; half of the conversions after at most 2 touches" in shown


def test_a_wrong_table_and_a_wrong_model_are_told_as_errors(tmp_path: Path, table: Path) -> None:
    wrong_model = smm(tmp_path, "attribute", str(table), "--model", "datadriven")
    assert wrong_model.returncode == 2
    assert "SMM-501" in wrong_model.stderr
    assert "'markov', 'shapley'" in wrong_model.stderr
    table.write_text("path,conversions\nVK,-1\n", encoding="utf-8")
    wrong_table = smm(tmp_path, "attribute", str(table))
    assert (wrong_table.returncode, wrong_table.stdout) == (1, "")
    assert wrong_table.stderr.startswith("SMM-701: ")
    assert "line 2, column conversions" in wrong_table.stderr
