"""Labels and annotations as people save them, on the stage: joined where that is plain, else refused."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from pipeline.dataset import annotations, manifest
from pipeline.files import images
from pipeline.stages import validate
from pipeline.statistics import forests
from tests.conftest import SHARED
from tests.stages import test_validate as stage

ODD = SHARED / "odd"
LABELS = {  # each odd table, and what becomes of it: the text of the terminal, or of the error
    "backslash.csv": "32 of 32 files have a row (1.00), by the same path, written alike",
    "basename.csv": "32 of 32 files have a row (1.00), by base name",
    "dataprefix.csv": "32 of 32 files have a row (1.00), by the last 3 parts of the path",
    "headcase2.csv": "'PatientID' is read as patient_id",
    "latin1.csv": "latin1.csv: no UTF-8 in line 2: read as Windows-1252",
    "na.csv": "patient_id is not known in 16 of 32 rows ('NA')",
    "ragged.csv": "ragged.csv, line 34: a row must have 3 cells",
    "unknown.csv": "patient_id is not known in 32 of 32 rows ('unknown')",
    "utf16.csv": "32 of 32 files have a row (1.00), as given",
}
COCO = {
    "annots_null.json": "`annotations` must be a list. Received: null",
    "backslash.json": "16 of 16 used, on 16 of 16 fractured radiographs",
    "bom.json": "16 of 16 used",
    "dup_image_id.json": "14 of 16 used, on 14 of 16 fractured radiographs, names as given; left out: ",
    "flat_polygon.json": "16 of 16 used",
    "grazped_categories.json": "16 of 32 used, on 16 of 16 fractured radiographs, names as given; left out: ",
    "images_dict.json": "16 of 16 used",
    "no_size.json": "16 of 16 annotated images name no size",
    "normalised.json": "all 16 regions lie within 0 to 1",
    "string_image_id.json": "16 of 16 used",
}
REFUSED = {"ragged.csv", "annots_null.json"}


def with_data(config, **changes):
    return config.model_copy(update={"data": config.data.model_copy(update=changes)})


@pytest.fixture
def odd(tmp_path, monkeypatch):
    if not ODD.is_dir():
        pytest.skip(f"{ODD} is not here")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(forests, "_N_VOTES", 5)
    return stage.settings_for(ODD / "radiographs", tmp_path)


def test_every_odd_table_has_a_verdict():
    if not ODD.is_dir():
        pytest.skip(f"{ODD} is not here")
    assert {path.name for path in (ODD / "labels-csv").iterdir()} == LABELS.keys()
    assert {path.name for path in (ODD / "coco").iterdir()} == COCO.keys()


def verdict(odd, caplog, name):
    """What the stage said of a table: its error, or all that it told the terminal."""
    caplog.set_level(logging.INFO)
    try:
        validate.run(odd)
    except ValueError as error:
        assert name in REFUSED
        return str(error)
    assert name not in REFUSED
    return caplog.text


@pytest.mark.reliability("labels as people save them", "joined where plain, else an error with file and line")
@pytest.mark.parametrize("name", LABELS)
def test_odd_labels_join_or_are_refused(odd, name, caplog):
    said = verdict(with_data(odd, labels=ODD / "labels-csv" / name), caplog, name)
    assert LABELS[name] in said
    if name in REFUSED:
        return
    kept = manifest.read(odd.paths.manifest)
    assert (kept["body_part"] != "").all()
    assert kept["group"].nunique() == {"unknown.csv": 32, "na.csv": 32}.get(name, 16)


@pytest.mark.reliability("COCO files as people export them", "read where plain, else an error with the file")
@pytest.mark.parametrize("name", COCO)
def test_odd_annotations_join_or_are_refused(odd, name, caplog):
    said = verdict(with_data(odd, annotations=ODD / "coco" / name), caplog, name)
    assert COCO[name] in said
    if name in REFUSED:
        return
    for path, (region,) in annotations.read(odd.paths.annotations).regions.items():
        height_px, width_px = images.read(ODD / "radiographs" / path).pixels.shape
        drawn = np.array(region.bbox) / [width_px, height_px, width_px, height_px]
        np.testing.assert_allclose(drawn, [0.3, 0.3, 0.2, 0.2], atol=1e-3)
