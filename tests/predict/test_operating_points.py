from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.predict import operating_points
from pipeline.predict.operating_points import OperatingPoints

val_sets = st.lists(
    st.tuples(st.booleans(), st.integers(0, 12).map(lambda twelfth: twelfth / 12)), min_size=2, max_size=40
).filter(lambda rows: len({truth for truth, _ in rows}) == 2)


def just_below(score: float) -> object:
    """A threshold at which the score counts, with a ten-thousandth of a logit to spare."""
    return pytest.approx(score - 1e-4 * score * (1 - score), abs=1e-9)


@given(val_sets)
def test_scores_that_another_library_rounds_otherwise_are_decided_alike(rows):
    y_true, y_score = (np.array(column) for column in zip(*rows, strict=True))
    points = operating_points.choose(y_true, y_score)
    decided = operating_points.decide(y_score, points).tolist()
    for step in (-5e-5, 5e-5):
        moved = y_score + step * y_score * (1 - y_score)
        assert operating_points.decide(moved, points).tolist() == decided


def test_operating_points_by_hand():
    y_true = np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=bool)
    y_score = np.array([0.1, 0.2, 0.3, 0.7, 0.25, 0.5, 0.8, 0.9])
    points = operating_points.choose(y_true, y_score, sensitivity=1.0, specificity=0.75)
    assert points.high_sensitivity == just_below(0.25)
    assert points.high_specificity == just_below(0.5)


def test_points_that_cross_swap_names_and_keep_both_promises():
    y_true, y_score = np.repeat([False, True], 10), np.linspace(0.05, 1.0, 20)
    points = operating_points.choose(y_true, y_score, sensitivity=0.9, specificity=0.9)
    # 9 of 10 fractures score at least 0.60; 9 of 10 others score less than 0.50.
    assert points.high_sensitivity == just_below(0.50)
    assert points.high_specificity == just_below(0.60)


def test_nothing_may_be_called_where_the_highest_score_is_not_fractured():
    points = operating_points.choose(
        np.array([True, False]), np.array([0.2, 1.0]), sensitivity=0.9, specificity=0.9
    )
    assert points.high_specificity > 1.0


def test_a_target_is_reached_in_spite_of_rounding():
    # Twenty tenths do not add up to two; 19 of the 20 fractures score at least 0.10 all the same.
    y_true = np.repeat([False, True], 20)
    y_score = np.concatenate([np.zeros(20), np.arange(1, 21) / 20])
    weight = np.full(40, 0.1)
    points = operating_points.choose(y_true, y_score, sensitivity=0.95, sample_weight=weight)
    assert points.high_specificity == just_below(0.1)


@given(val_sets, st.floats(0.5, 1), st.floats(0.5, 1))
def test_each_point_keeps_its_promise(rows, sensitivity, specificity):
    y_true, y_score = (np.array(column) for column in zip(*rows, strict=True))
    points = operating_points.choose(y_true, y_score, sensitivity=sensitivity, specificity=specificity)
    assert points.high_sensitivity <= points.high_specificity
    assert (y_score[y_true] >= points.high_sensitivity).mean() >= sensitivity - 1e-9
    assert (y_score[~y_true] < points.high_specificity).mean() >= specificity - 1e-9


def test_decisions_include_their_thresholds_from_above():
    decisions = operating_points.decide(np.array([0.19, 0.2, 0.79, 0.8]), OperatingPoints(0.2, 0.8))
    assert decisions.tolist() == ["no finding", "needs review", "needs review", "fracture"]


def test_one_threshold_leaves_nothing_to_review():
    decisions = operating_points.decide(np.array([0.4, 0.5]), OperatingPoints(0.5, 0.5))
    assert decisions.tolist() == ["no finding", "fracture"]


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: OperatingPoints(0.8, 0.2), "must not exceed"),
        (lambda: operating_points.decide(np.array([np.nan]), OperatingPoints(0.2, 0.8)), "numbers"),
        (lambda: operating_points.choose(np.ones(3, bool), np.ones(3)), "both classes"),
        (lambda: operating_points.choose(np.ones(3, bool), np.full(3, np.nan)), "probability"),
    ],
)
def test_what_cannot_be_decided_is_refused(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
