from __future__ import annotations

import numpy as np
import pytest

from pipeline.predict.regions import extract_regions
from pipeline.region_maps import froc

NONE = np.empty((0, 4))
# Two radiographs with a fracture each, and two without. Scores from the highest: hit, false, hit, false.
MARKS = froc.Marks(
    np.array([0.9, 0.8, 0.7, 0.6]), np.array([0, 2, 1, 3]), np.array([0, -1, 1, -1]), np.array([1, 1, 0, 0])
)


def test_the_curve_by_hand():
    curve = froc.curve(MARKS)
    assert curve["threshold"].tolist() == [np.inf, 0.9, 0.8, 0.7, 0.6]
    assert curve["false_marks"].tolist() == [0, 0, 0.25, 0.25, 0.5]
    assert curve["sensitivity"].tolist() == [0, 0.5, 0.5, 1, 1]


@pytest.mark.parametrize(("false_marks", "expected"), [(0.0, 0.5), (0.24, 0.5), (0.25, 1.0), (9.0, 1.0)])
def test_sensitivity_is_that_of_the_last_mark_allowed(false_marks, expected):
    assert froc.sensitivity_at(MARKS, (false_marks,)).tolist() == [expected]


def test_marks_of_one_score_enter_together():
    tied = froc.Marks(np.full(2, 0.5), np.array([0, 0]), np.array([0, -1]), np.array([1]))
    assert froc.sensitivity_at(tied, (0.5, 1)).tolist() == [0, 1]


def test_weights_count_radiographs_as_if_repeated():
    weight = np.array([3, 1, 2, 0])
    repeat = np.repeat(np.arange(4), weight)
    own = [np.flatnonzero(MARKS.radiograph == position) for position in repeat]
    rows = [(copy, mark) for copy, marks in enumerate(own) for mark in marks]
    copies, marks = np.array(rows).T
    fracture = np.where(MARKS.fracture[marks] < 0, -1, copies)
    repeated = froc.Marks(MARKS.score[marks], copies, fracture, MARKS.n_fractures[repeat])
    grid = (0.1, 0.2, 0.34, 0.5)
    assert froc.sensitivity_at(MARKS, grid, weight) == pytest.approx(froc.sensitivity_at(repeated, grid))


def test_regions_hit_by_their_peak_and_a_fracture_counts_once():
    region_map = np.zeros((20, 30), np.float32)
    region_map[2, 3], region_map[4, 5], region_map[15, 25] = 0.9, 0.8, 0.7
    boxes = np.array([[0, 0, 8, 8], [0, 0, 20, 10]])  # the smaller of two that hold a peak is hit
    marks = froc.collect([extract_regions(region_map, 0.5), []], [boxes, NONE])
    assert marks.fracture.tolist() == [0, 0, -1]
    assert marks.n_fractures.tolist() == [2, 0]
    assert froc.curve(marks)["sensitivity"].tolist() == [0, 0.5, 0.5, 0.5]
    assert froc.curve(marks)["false_marks"].tolist() == [0, 0, 0, 0.5]


def test_no_mark_finds_nothing():
    assert froc.sensitivity_at(froc.collect([[]], [np.array([[0, 0, 2, 2]])])).tolist() == [0, 0, 0]


def test_without_fractures_there_is_no_curve():
    with pytest.raises(ValueError, match="annotated fractures"):
        froc.curve(froc.collect([[]], [NONE]))


def test_free_response_figures_carry_intervals():
    marks = froc.Marks(
        np.array([0.9, 0.8, 0.7]), np.array([0, 2, 1]), np.array([0, -1, 1]), np.array([1, 1, 0, 0])
    )
    found = froc.free_response(marks, np.array(list("abcd")), n_samples=200, seed=0)
    assert list(found)[:3] == [
        "froc_sensitivity_0.5",
        "froc_sensitivity_0.5_low",
        "froc_sensitivity_0.5_high",
    ]
    assert found["froc_sensitivity_0.5"] == 1
    assert found["froc_sensitivity_0.5_low"] <= 1
