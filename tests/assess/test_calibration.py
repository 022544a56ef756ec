from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_expit

from pipeline.assess import calibration
from pipeline.assess.calibration import OperatingPoints

val_sets = st.lists(
    st.tuples(st.booleans(), st.integers(0, 12).map(lambda twelfth: twelfth / 12)), min_size=2, max_size=40
).filter(lambda rows: len({truth for truth, _ in rows}) == 2)


def drawn_logits(temperature, n=4000):
    generator = np.random.default_rng(0)
    true_logits = generator.normal(0, 2, n)
    return true_logits * temperature, generator.random(n) < expit(true_logits)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_is_found_again(temperature):
    assert calibration.fit_temperature(*drawn_logits(temperature)) == pytest.approx(temperature, rel=0.08)


def test_temperature_is_the_minimum_of_a_grid():
    logits, y_true = drawn_logits(2.0, n=50)
    n_fractured = y_true.sum()
    target = np.where(y_true, (n_fractured + 1) / (n_fractured + 2), 1 / (50 - n_fractured + 2))
    grid = np.geomspace(0.05, 20, 4001)
    scaled = logits / grid[:, None]
    loss = -(target * log_expit(scaled) + (1 - target) * log_expit(-scaled)).mean(axis=1)
    assert calibration.fit_temperature(logits, y_true) == pytest.approx(grid[loss.argmin()], rel=0.003)


def test_weight_is_a_count_of_radiographs():
    logits, y_true = drawn_logits(1.5, n=40)
    weight = np.arange(40) % 3
    repeated = np.repeat(np.arange(40), weight)
    weighted = calibration.fit_temperature(logits, y_true, weight)
    assert weighted == pytest.approx(
        calibration.fit_temperature(logits[repeated], y_true[repeated]), rel=1e-3
    )


def test_a_separable_set_is_as_sharp_as_its_size_justifies():
    # One logit a class: expit(4 / T) must be (20 + 1) / (20 + 2), so T = 4 / log(21).
    logits, y_true = np.repeat([-4.0, 4.0], 20), np.repeat([False, True], 20)
    assert calibration.fit_temperature(logits, y_true) == pytest.approx(4 / np.log(21), rel=1e-3)


@pytest.mark.parametrize(
    "logits", [[-1e-6, 1e-6], [-1e6, 1e6], [1.0, -1.0], [0.0, 0.0]], ids=["tiny", "huge", "wrong", "zero"]
)
def test_temperature_stays_in_its_range(logits):
    temperature = calibration.fit_temperature(np.array(logits), np.array([False, True]))
    assert 0.05 <= temperature <= 20


def test_applying_keeps_the_order_and_one_half():
    probability = calibration.apply_temperature(np.array([-3.0, 0.0, 5.0], np.float32), 2.0)
    assert probability == pytest.approx([0.182426, 0.5, 0.924142], abs=1e-6)


def test_operating_points_by_hand():
    y_true = np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=bool)
    y_score = np.array([0.1, 0.2, 0.3, 0.7, 0.25, 0.5, 0.8, 0.9])
    points = calibration.choose_operating_points(y_true, y_score, sensitivity=1.0, specificity=0.75)
    assert points == OperatingPoints(high_sensitivity=0.25, high_specificity=0.5)


def test_points_that_cross_swap_names_and_keep_both_promises():
    y_true, y_score = np.repeat([False, True], 10), np.linspace(0.05, 1.0, 20)
    points = calibration.choose_operating_points(y_true, y_score, sensitivity=0.9, specificity=0.9)
    # 9 of 10 fractures score at least 0.60; 9 of 10 others score less than 0.50.
    assert points.high_sensitivity == pytest.approx(0.50)
    assert points.high_specificity == pytest.approx(0.60)


def test_nothing_may_be_called_where_the_highest_score_is_not_fractured():
    points = calibration.choose_operating_points(
        np.array([True, False]), np.array([0.2, 1.0]), sensitivity=0.9, specificity=0.9
    )
    assert points.high_specificity > 1.0


def test_a_target_is_reached_in_spite_of_rounding():
    # Twenty tenths do not add up to two; 19 of the 20 fractures score at least 0.10 all the same.
    y_true = np.repeat([False, True], 20)
    y_score = np.concatenate([np.zeros(20), np.arange(1, 21) / 20])
    weight = np.full(40, 0.1)
    points = calibration.choose_operating_points(y_true, y_score, sensitivity=0.95, sample_weight=weight)
    assert points.high_specificity == pytest.approx(0.1)


@given(val_sets, st.floats(0.5, 1), st.floats(0.5, 1))
def test_each_point_keeps_its_promise(rows, sensitivity, specificity):
    y_true, y_score = (np.array(column) for column in zip(*rows, strict=True))
    points = calibration.choose_operating_points(
        y_true, y_score, sensitivity=sensitivity, specificity=specificity
    )
    assert points.high_sensitivity <= points.high_specificity
    assert (y_score[y_true] >= points.high_sensitivity).mean() >= sensitivity - 1e-9
    assert (y_score[~y_true] < points.high_specificity).mean() >= specificity - 1e-9


def test_decisions_include_their_thresholds_from_above():
    decisions = calibration.decide(np.array([0.19, 0.2, 0.79, 0.8]), OperatingPoints(0.2, 0.8))
    assert decisions.tolist() == ["no finding", "needs review", "needs review", "fracture"]


def test_one_threshold_leaves_nothing_to_review():
    decisions = calibration.decide(np.array([0.4, 0.5]), OperatingPoints(0.5, 0.5))
    assert decisions.tolist() == ["no finding", "fracture"]


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: OperatingPoints(0.8, 0.2), "must not exceed"),
        (lambda: calibration.decide(np.array([np.nan]), OperatingPoints(0.2, 0.8)), "numbers"),
        (lambda: calibration.apply_temperature(np.zeros(2), 0.0), "above 0"),
        (lambda: calibration.fit_temperature(np.array([np.inf, 0]), np.array([True, False])), "finite"),
        (lambda: calibration.fit_temperature(np.zeros(3), np.zeros(2, bool)), "one shape"),
        (lambda: calibration.fit_temperature(np.zeros(2), np.zeros(2, bool), np.zeros(2)), "sample_weight"),
        (lambda: calibration.choose_operating_points(np.ones(3, bool), np.ones(3)), "both classes"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
