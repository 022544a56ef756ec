from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
import pytest

from pipeline.dataset.annotations import Annotations, Region
from pipeline.network.inference import NetworkOutput
from pipeline.predict import regions
from pipeline.predict.calibration import Calibration
from pipeline.predict.maps import MapSet
from pipeline.predict.operating_points import OperatingPoints
from pipeline.preprocess.canvas import Placement
from pipeline.region_maps import scoring

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


def seen(paths: Iterable[str]) -> Iterator[np.ndarray]:
    """The canvas is brightest where r0 is fractured."""
    canvas = np.zeros((64, 64), np.uint8)
    canvas[16:24, 24:32] = 200
    return (canvas for _ in paths)


def localize(found: MapSet, known: Annotations) -> dict:
    nothing = pd.DataFrame(index=found.rows.index)
    return scoring.localize(found, known, seen, nothing, n_samples=50, seed=0)[0]


def test_perfect_maps_win_the_pointing_game() -> None:
    figures = localize(drawn(CELLS), KNOWN)
    assert figures["annotated"] == 2
    assert figures["pointing_game"] == figures["pointing_game_low"] == 1
    assert figures["max_box_acc"]["iou_0.5"] == 1
    assert figures["pixel_average_precision"] > 0.9


def test_the_baselines_by_hand() -> None:
    figures = localize(drawn(CELLS), KNOWN)
    assert figures["pointing_game_random"] == pytest.approx(16 * 16 / SIDE**2)
    assert figures["pointing_game_center"] == 0  # no box holds the middle
    assert localize(drawn(CELLS), KNOWN)["pointing_game_brightest"] == 0.5
    central = Annotations({"r0": (Region((), (56, 56, 16, 16)),), "r1": (box((0, 0)),)}, KNOWN.sizes)
    assert localize(drawn(CELLS), central)["pointing_game_center"] == 0.5


def test_maps_that_point_elsewhere_lose_it() -> None:
    figures = localize(drawn([(7, 7)] * 4), KNOWN)
    assert figures["pointing_game"] == figures["pointing_game_high"] == 0
    assert figures["energy_in_box"] < 0.05


def test_without_annotations_nothing_is_scored() -> None:
    assert localize(drawn(CELLS), NOTHING) == {}


def test_an_annotation_on_a_sound_radiograph_does_not_count() -> None:
    known = Annotations({"r1": (box(CELLS[1]),), "r3": (box(CELLS[3]),)}, KNOWN.sizes)
    assert scoring.is_annotated(drawn(CELLS), known).tolist() == [False, True, False, False]


def test_the_peak_is_on_target_where_it_is_annotated() -> None:
    cells = [CELLS[0], (7, 7), (0, 0), (0, 0)]
    assert scoring.on_target(drawn(cells), KNOWN) == [True, False, None, None]


def test_results_are_coco_in_the_radiographs_pixels() -> None:
    found = drawn(CELLS)
    cut = [regions.extract_regions(region_map, 0.5) for region_map in found]
    results = json.loads(scoring.coco_results(found, cut, KNOWN))
    assert [result["image_id"] for result in results] == [1, 2, 3, 4]
    assert results[0]["bbox"] == pytest.approx([48, 32, 16, 16], abs=5)


def test_a_survey_joins_scores_and_decisions() -> None:
    rows = drawn(CELLS).rows[["path", "group", "fractured"]].set_index(pd.Index([9, 8, 7, 6]))
    found = scoring.survey(
        rows,
        NetworkOutput(
            np.array([4.0, 0.0, -4.0, -4.0], np.float32),
            np.zeros((4, GRID, GRID), np.float32),
            np.zeros((4, 0), np.float32),
        ),
        drawn(CELLS).placements,
        canvas_shape=(64, 64),
        points=OperatingPoints(0.3, 0.7),
        calibration=Calibration(0.5),
    )
    assert found.rows["y_score"].tolist() == pytest.approx([0.880797, 0.5, 0.119203, 0.119203])
    assert found.rows["decision"].tolist() == ["fracture", "needs review", "no finding", "no finding"]
    assert found.calibration == Calibration(0.5)


def test_marks_are_scored_on_what_is_known() -> None:
    found = drawn([CELLS[0], (7, 7), (0, 0), (0, 0)])
    cut = [regions.extract_regions(region_map, 0.5) for region_map in found]
    figures, curve = scoring.mark(found, cut, KNOWN, n_samples=50, seed=0)
    assert figures["froc_sensitivity_1"] == 0.5  # one of two hit; the others are false
    assert curve["false_marks"].iloc[-1] == 0.75
    assert scoring.mark(found, cut, NOTHING, n_samples=50, seed=0)[0] == {}
    half_known = Annotations({"r1": (box(CELLS[1]),)}, KNOWN.sizes)
    figures, curve = scoring.mark(found, cut, half_known, n_samples=50, seed=0)
    assert curve["false_marks"].iloc[-1] == 1  # r0, whose fracture is not drawn, is left out


def test_region_scores_are_held_against_overlaps() -> None:
    found = drawn(CELLS)
    cut = [regions.extract_regions(region_map, 0.5) for region_map in found]
    figures, _ = scoring.mark(found, cut, KNOWN, n_samples=50, seed=0)
    assert figures["region_ece"] == pytest.approx(abs(cut[0][0].score - 0.5), abs=0.01)  # two of four overlap


def test_subgroups_come_with_the_figures() -> None:
    attributes = pd.DataFrame({"body_part": ["hand"] * 4}, index=[4, 5, 6, 7])
    _, parts = scoring.localize(drawn(CELLS), KNOWN, seen, attributes, n_samples=50, seed=0)
    assert parts["radiographs"].iloc[0] == 2
