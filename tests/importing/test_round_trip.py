"""Every kind of source: what is imported, and what `validate` then says of it."""

import json

import pandas as pd
import pytest

from pipeline.commands import import_source
from pipeline.dataset import annotations, manifest
from pipeline.importing.record import Options
from pipeline.stages import validate
from pipeline.statistics import forests
from tests.docs import listed
from tests.importing import sources
from tests.stages import test_validate as stage


@pytest.fixture(params=sources.MAKERS, ids=lambda make: make.__name__)
def imported(request, tmp_path, monkeypatch, capsys):
    """A case, the folder that was imported, and what ``--json`` printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(forests, "_N_VOTES", 5)
    case = request.param(tmp_path / "source")
    options = Options(**case.options or {})
    import_source.run(case.kind, tmp_path / "source" / case.of, tmp_path / "ours", options, as_json=True)
    return case, tmp_path / "ours", json.loads(capsys.readouterr().out)


def test_every_kind_comes_through_and_validates_without_an_issue(imported, tmp_path):
    case, ours, figures = imported
    assert (figures["left_out"], figures["split"]) == ({}, case.split)
    assert figures["used"]["regions"] == case.regions
    settings = stage.settings_for(ours, tmp_path)
    data = {"annotations": ours / "annotations.coco.json", "labels": ours / "labels.csv"}
    validate.run(settings.model_copy(update={"data": settings.data.model_copy(update=data)}))
    assert {*stage.issues_of(settings)["issue"]} == case.issues
    kept = manifest.read(settings.paths.manifest)
    assert len(kept) == len(pd.read_csv(ours / "labels.csv")) == figures["used"]["radiographs"]
    assert (kept["fractured"].sum(), (~kept["fractured"]).sum()) == (len(kept) / 2, len(kept) / 2)
    assert ("patient_id" in kept) == (case.patients > 0)
    if case.patients:
        assert kept["patient_id"].nunique() == case.patients
        assert kept.groupby("patient_id")["split"].nunique().max() == 1
    drawn = annotations.read(settings.paths.annotations).regions
    assert {region.bbox for regions in drawn.values() for region in regions} <= {sources.BOX}
    assert sum(map(len, drawn.values())) == case.regions


def test_every_file_and_column_has_a_row_in_the_reference(imported):
    case, ours, _ = imported
    rows = listed.sections("docs/reference/files.md")
    for name in ("labels.csv", "sources.csv", "left_out.csv"):
        there = listed.columns(ours / name)
        assert listed.faults(rows[f"{name} of `fracture import`"], there, case.kind) == []
    keys = {*json.loads((ours / "annotations.coco.json").read_text())}
    names = {name for name, _ in rows["annotations.coco.json of `fracture import`"]}
    assert keys <= names
    written = {path.name for path in ours.iterdir() if path.is_file()}
    assert written <= {name for name, _ in rows["What commands write"]}
