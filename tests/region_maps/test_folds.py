from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.dataset import annotations
from pipeline.dataset.annotations import Annotations
from pipeline.region_maps import coco, folds, froc
from tests.region_maps.cells import CELLS, KNOWN, NOTHING, drawn
from tests.region_maps.test_assessment import cut, score

REPEAT = {"n_samples": 50, "seed": 0}


def split_by_fold(known: Annotations, tmp_path) -> tuple:
    """What `region_maps` writes of four maps, cut into two folds; its own figures; the COCO file."""
    maps = drawn([CELLS[0], (7, 7), *CELLS[2:]])
    found = cut(maps)
    figures, tables = score(maps, known, found)
    rows, marks = tables["radiographs"], tables["marks"]
    parts = [rows[rows["path"].isin(names)] for names in (["r0", "r2"], ["r1", "r3"])]
    own = [marks[marks["path"].isin(part["path"])] for part in parts]
    results = coco.results(found, [known.image_id(path) for path in maps.rows["path"]])
    annotations.write(known, tmp_path / "a.json")
    return figures, (parts, own, results, known, annotations.load_coco(tmp_path / "a.json"))


def test_folds_pool_to_the_figures_of_one_set(tmp_path) -> None:
    figures, parts = split_by_fold(KNOWN, tmp_path)
    pooled, curve = folds.pool(*parts, **REPEAT)
    assert (pooled["annotated"], pooled["pointing_game"]) == (2, 0.5)
    for name in figures.keys() & pooled.keys():
        assert pooled[name] == pytest.approx(figures[name]) or name.endswith(("_low", "_high"))
    assert {"energy_in_box", "froc_sensitivity_1", "region_ece"} <= figures.keys() & pooled.keys()
    assert curve["sensitivity"].max() == 0.5


def test_without_annotations_nothing_is_pooled(tmp_path) -> None:
    _, parts = split_by_fold(NOTHING, tmp_path)
    pooled, curve = folds.pool(*parts, **REPEAT)
    assert (pooled, len(curve)) == ({}, 0)


def test_marks_survive_their_table() -> None:
    maps = drawn(CELLS)
    boxes = [
        np.array([[32.0, 48, 16, 16]]),
        np.array([[80.0, 16, 16, 16]]),
        np.empty((0, 4)),
        np.empty((0, 4)),
    ]
    marks = froc.collect(cut(maps), boxes)
    table = froc.tabulate(cut(maps), boxes, [f"r{i}" for i in range(4)])
    rows = pd.DataFrame({"path": ["r3", "r2", "r1", "r0"], "fractures": [0, 0, 1, 1]})
    back = froc.from_table(table, rows)
    assert froc.sensitivity_at(back).tolist() == froc.sensitivity_at(marks).tolist()
    assert table["fracture"].tolist() == [0, 0, -1, -1]
    with pytest.raises(ValueError, match="one on r0"):
        froc.from_table(table, rows[:3])
