from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from pipeline.network.interface import NetworkOutput
from pipeline.predict.calibration import Calibration
from pipeline.predict.maps import MapSet, from_output, probability_map
from pipeline.predict.operating_points import OperatingPoints
from pipeline.preprocess.canvas import Placement
from tests.region_maps.cells import CELLS, GRID, drawn

CALIBRATION = Calibration(0.5, -1.0)
EVIDENCE = np.random.default_rng(0).normal(size=(3, 4, 4)).astype(np.float32)


@pytest.fixture
def found() -> MapSet:
    placements = [
        Placement(64, 64, False, (0, 0, 64, 64), 0.5, 0.0, 0.0),
        Placement(32, 16, False, (0, 0, 32, 16), 1.0, 0.0, 8.0),
        Placement(64, 64, False, (0, 0, 64, 64), 0.5, 0.0, 0.0),
    ]
    rows = pd.DataFrame({"path": ["a", "b", "c"]}, index=[5, 6, 7])
    return MapSet(rows, EVIDENCE, placements, (32, 32), CALIBRATION)


def test_evidence_is_calibrated_as_logits_are() -> None:
    assert probability_map(EVIDENCE, CALIBRATION) == pytest.approx(expit(EVIDENCE / 2 - 1))
    assert probability_map(EVIDENCE, CALIBRATION).dtype == np.float32


def test_maps_come_in_the_radiographs_own_sizes(found: MapSet) -> None:
    assert [region_map.shape for region_map in found] == [(64, 64), (32, 16), (64, 64)]
    assert len(found) == 3


def test_on_canvas_has_the_canvas_shape(found: MapSet) -> None:
    assert found.on_canvas(1).shape == (32, 32)
    assert found.on_canvas(1)[4::8, 4::8] == pytest.approx(found.on_grid(1), abs=0.1)


def test_chosen_radiographs_keep_their_order(found: MapSet) -> None:
    chosen = found.where(np.array([True, False, True]))
    assert chosen.rows["path"].tolist() == ["a", "c"]
    assert chosen.rows.index.tolist() == [0, 1]
    assert np.array_equal(chosen.evidence, EVIDENCE[[0, 2]])
    assert np.array_equal(chosen.in_radiograph(1), found.in_radiograph(2))


def test_cells_beside_the_radiograph_are_not_inside(found: MapSet) -> None:
    assert found.inside(0, (4, 4)).all()
    assert found.inside(1, (4, 4)).tolist() == [[False, True, True, False]] * 4


def test_output_is_joined_with_scores_and_decisions() -> None:
    rows = drawn(CELLS).rows[["path", "group", "fractured"]].set_index(pd.Index([9, 8, 7, 6]))
    found = from_output(
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


def test_answers_and_maps_may_be_calibrated_apart(found: MapSet) -> None:
    rows = pd.DataFrame({"path": ["a"], "group": ["g"], "fractured": [True]})
    output = NetworkOutput(np.ones(1, np.float32), EVIDENCE[:1], np.zeros((1, 0), np.float32))
    joined = from_output(
        rows,
        output,
        found.placements[:1],
        canvas_shape=(32, 32),
        points=OperatingPoints(0.3, 0.7),
        calibration=Calibration(0.5),
        map_calibration=CALIBRATION,
    ).where(np.array([True]))
    assert (joined.answers, joined.calibration) == (Calibration(0.5), CALIBRATION)
    assert joined.rows["y_score"].tolist() == pytest.approx([expit(0.5)])
