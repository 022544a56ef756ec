from __future__ import annotations

import json

import keras
import numpy as np
import pandas as pd
import pytest

from pipeline.assess.calibration import Calibration
from pipeline.assess.maps import regions
from pipeline.assess.operating_points import OperatingPoints
from pipeline.data.annotations import Annotations, Region
from pipeline.data.canvas import Placement
from pipeline.model import map_scoring
from pipeline.model.maps import MapSet
from tests import records

SIDE, GRID = 128, 8  # a cell of the grid is 8 x 8 on the canvas of 64, 16 x 16 in the radiograph
CELLS = [(2, 3), (5, 1), (4, 4), (1, 6)]
FRACTURED = [True, True, False, False]


def box(cell: tuple[int, int]) -> Region:
    """Left, top, width and height of a cell in the radiograph."""
    return Region((), (cell[1] * 16.0, cell[0] * 16.0, 16.0, 16.0))


KNOWN = Annotations(
    {"r0": (box(CELLS[0]),), "r1": (box(CELLS[1]),)}, {f"r{i}": (SIDE, SIDE) for i in range(4)}
)
NOTHING = Annotations({}, KNOWN.sizes)


def drawn(cells: list[tuple[int, int]], peak: float = 4.0) -> MapSet:
    """Maps that are dark but for one cell each."""
    evidence = np.full((len(cells), GRID, GRID), -6.0, np.float32)
    for one, cell in zip(evidence, cells, strict=True):
        one[cell] = peak
    placement = Placement(SIDE, SIDE, False, (0, 0, SIDE, SIDE), 0.5, 0.0, 0.0)
    rows = pd.DataFrame(
        {
            "path": [f"r{i}" for i in range(len(cells))],
            "group": ["g0", "g1", "g2", "g3"],
            "fractured": FRACTURED,
            "y_score": [0.9, 0.8, 0.3, 0.2],
        }
    )
    return MapSet(rows, evidence, [placement] * len(cells), (64, 64), Calibration(1.0))


def test_perfect_maps_win_the_pointing_game() -> None:
    figures = map_scoring.localize(drawn(CELLS), KNOWN, n_samples=50, seed=0)
    assert figures["annotated"] == 2
    assert figures["pointing_game"] == figures["pointing_game_low"] == 1
    assert figures["max_box_acc"]["iou_0.5"] == 1
    assert figures["pixel_average_precision"] > 0.9


def test_the_baselines_by_hand() -> None:
    figures = map_scoring.localize(drawn(CELLS), KNOWN, n_samples=50, seed=0)
    assert figures["pointing_game_random"] == pytest.approx(16 * 16 / SIDE**2)
    assert figures["pointing_game_center"] == 0  # no box holds the middle
    central = Annotations({"r0": (Region((), (56, 56, 16, 16)),), "r1": (box((0, 0)),)}, KNOWN.sizes)
    assert map_scoring.localize(drawn(CELLS), central, n_samples=50, seed=0)["pointing_game_center"] == 0.5


def test_maps_that_point_elsewhere_lose_it() -> None:
    figures = map_scoring.localize(drawn([(7, 7)] * 4), KNOWN, n_samples=50, seed=0)
    assert figures["pointing_game"] == figures["pointing_game_high"] == 0
    assert figures["energy_in_box"] < 0.05


def test_without_annotations_nothing_is_scored() -> None:
    assert map_scoring.localize(drawn(CELLS), NOTHING, n_samples=50, seed=0) == {}


def test_an_annotation_on_a_sound_radiograph_does_not_count() -> None:
    known = Annotations({"r1": (box(CELLS[1]),), "r3": (box(CELLS[3]),)}, KNOWN.sizes)
    assert map_scoring.is_annotated(drawn(CELLS), known).tolist() == [False, True, False, False]


def test_the_peak_is_on_target_where_it_is_annotated() -> None:
    cells = [CELLS[0], (7, 7), (0, 0), (0, 0)]
    assert map_scoring.on_target(drawn(cells), KNOWN) == [True, False, None, None]


def test_with_annotations_the_threshold_cuts_the_box_out() -> None:
    found = drawn(CELLS)
    threshold = map_scoring.choose_threshold(found, KNOWN)
    cut = regions.extract_regions(found.in_radiograph(0), threshold)
    top, left, height, width = cut[0].box
    assert (top, left) == pytest.approx((32, 48), abs=4)
    assert (height, width) == pytest.approx((16, 16), abs=8)


def test_without_annotations_sound_radiographs_set_the_threshold() -> None:
    found = drawn(CELLS, peak=1.0)
    threshold = map_scoring.choose_threshold(found, NOTHING)
    highest = max(found.in_radiograph(i).max() for i in (2, 3))
    assert threshold > highest  # a tenth of two radiographs is none


def test_results_are_coco_in_the_radiographs_pixels() -> None:
    found = drawn(CELLS)
    cut = [regions.extract_regions(region_map, 0.5) for region_map in found]
    results = json.loads(map_scoring.coco_results(found, cut, KNOWN))
    assert [result["image_id"] for result in results] == [1, 2, 3, 4]
    assert results[0]["bbox"] == pytest.approx([48, 32, 16, 16], abs=5)


def test_a_survey_joins_scores_and_decisions() -> None:
    rows = drawn(CELLS).rows[["path", "group", "fractured"]].set_index(pd.Index([9, 8, 7, 6]))
    found = map_scoring.survey(
        rows,
        (np.array([4.0, 0.0, -4.0, -4.0], np.float32), np.zeros((4, GRID, GRID), np.float32)),
        drawn(CELLS).placements,
        canvas_shape=(64, 64),
        points=OperatingPoints(0.3, 0.7),
        calibration=Calibration(0.5),
    )
    assert found.rows["y_score"].tolist() == pytest.approx([0.880797, 0.5, 0.119203, 0.119203])
    assert found.rows["decision"].tolist() == ["fracture", "needs review", "no finding", "no finding"]
    assert found.calibration == Calibration(0.5)


def test_faithfulness_asks_the_network_itself(network: keras.Model) -> None:
    found = drawn(CELLS).where(np.array([True, True, False, False]))
    seen = (records.canvas(i, fractured=True) for i in range(2))
    figures = map_scoring.probe(network, found, seen, threshold=0.5, steps=2, seed=0)
    assert set(figures) == {
        "deletion_auc",
        "insertion_auc",
        "random_deletion_auc",
        "erase_drop",
        "erase_drop_control",
        "randomization_correlation",
    }
    assert all(0 <= figures[name] <= 1 for name in ("deletion_auc", "insertion_auc", "random_deletion_auc"))
    assert -1 <= figures["randomization_correlation"] <= 1
