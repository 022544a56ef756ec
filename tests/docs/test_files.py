"""The pages of files and metric keys hold what dvc.yaml and the code name; test_end_to_end asks a run."""

from __future__ import annotations

import ast

import pytest

from pipeline.dataset import layout, manifest, names
from pipeline.importing import writing
from pipeline.importing.record import LeftOut
from pipeline.predict import sealing
from tests.docs import listed
from tests.imports import PACKAGE

FILES = listed.sections("docs/reference/files.md")


def rows(heading: str) -> set[str]:
    return {row for row, _ in FILES[heading]}


def test_every_file_that_a_stage_writes_has_a_row() -> None:
    made = {f"reports/{stage}/{page}" for stage, files in names.PAGES.items() for page in files}
    assert made <= listed.outs()
    stages = ("phantoms", *names.PAGES, "report")
    assert set().union(*map(rows, stages)) == listed.outs()


def test_every_file_of_a_bundle_has_a_row() -> None:
    assert rows("The bundle") == {names.BUNDLE, *sealing.FILES, *sealing.OPTIONAL}


def test_every_column_that_the_manifest_may_have_has_a_row() -> None:
    assert rows("Data/manifest.csv") == {*manifest.COLUMNS, manifest.NOT_RADIOGRAPH, manifest.FOLD}


def test_every_column_of_an_answer_has_a_row() -> None:
    # Its import would bring TensorFlow.
    tree = ast.parse((PACKAGE / "commands/predict.py").read_text(encoding="utf-8"))
    (columns,) = [node.value for node in tree.body if ast.unparse(node).startswith("_COLUMNS = ")]
    assert rows("predictions.csv of `fracture predict`") == set(ast.literal_eval(columns))


def test_every_file_of_an_import_has_a_row() -> None:
    folders = "{train,val,test}/{fractured,not fractured}/"
    assert {*writing.OUTPUTS} - {*layout.SPLITS} | {folders} <= rows("What commands write")
    assert rows("left_out.csv of `fracture import`") == {*LeftOut._fields}


@pytest.mark.parametrize(
    "key", ["test.auroc", "null.size.auroc", "froc_sensitivity_0.5", "max_box_acc.iou_0.3"]
)
def test_a_key_with_a_row_is_no_fault_and_one_without_is(key: str) -> None:
    page = listed.sections("docs/reference/metrics.md")
    every = [row for section in page.values() for row in section]
    optional = [(row, False) for row, _ in every]
    assert listed.faults(optional, {key, f"{key}_low", f"{key}_high"}, "") == []
    assert listed.faults(optional, {f"{key}_new"}, "") == [f": {key}_new has no row"]


def test_a_row_without_a_key_is_a_fault_unless_it_says_when() -> None:
    here, there = ("here", True), ("there", False)
    assert listed.faults([here, there], {"here"}, "x") == []
    assert listed.faults([here, there], {"there"}, "x") == ["x: nothing is called here"]
