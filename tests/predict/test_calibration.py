from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_expit, logit
from sklearn.linear_model import LogisticRegression

from pipeline.predict import calibration
from pipeline.predict.calibration import Calibration


def drawn_logits(slope, intercept=0.0, n=4000):
    """Logits of which slope and intercept make the true ones, and outcomes."""
    generator = np.random.default_rng(0)
    true_logits = generator.normal(0, 2, n)
    return (true_logits - intercept) / slope, generator.random(n) < expit(true_logits)


def targets(y_true):
    return np.where(y_true, (y_true.sum() + 1) / (y_true.sum() + 2), 1 / ((~y_true).sum() + 2))


@pytest.mark.parametrize("slope", [0.4, 1.0, 2.0])
@pytest.mark.parametrize("intercept", [-1.5, 0.0, 3.0])
def test_slope_and_intercept_are_found_again(slope, intercept):
    found = calibration.fit(*drawn_logits(slope, intercept))
    assert found.slope == pytest.approx(slope, rel=0.08)
    assert found.intercept == pytest.approx(intercept, abs=0.15)


def test_platt_is_logistic_regression_on_soft_targets():
    # A soft target t is an outcome of weight t beside a non-outcome of weight 1 - t.
    logits, y_true = drawn_logits(0.5, -1.0, n=60)
    target = targets(y_true)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    twice, outcome = np.tile(logits, 2)[:, None], np.repeat([True, False], 60)
    model.fit(twice, outcome, sample_weight=np.concatenate([target, 1 - target]))
    found = calibration.fit(logits, y_true)
    assert (found.slope, found.intercept) == pytest.approx((model.coef_[0, 0], model.intercept_[0]), rel=1e-3)


def test_a_temperature_is_the_minimum_of_a_grid():
    logits, y_true = drawn_logits(0.5, n=50)
    grid = np.geomspace(0.05, 20, 4001)
    scaled = logits * grid[:, None]
    target = targets(y_true)
    loss = -(target * log_expit(scaled) + (1 - target) * log_expit(-scaled)).mean(axis=1)
    found = calibration.fit(logits, y_true, method="temperature")
    assert found.slope == pytest.approx(grid[loss.argmin()], rel=0.003)
    assert found.intercept == 0


def test_the_mean_probability_is_the_mean_outcome():
    logits, y_true = drawn_logits(0.5, 2.0, n=100)
    assert calibration.fit(logits, y_true).probability(logits).mean() == pytest.approx(targets(y_true).mean())


@pytest.mark.parametrize("method", ["platt", "temperature"])
def test_weight_is_a_count_of_radiographs(method):
    logits, y_true = drawn_logits(0.7, 1.0, n=40)
    weight = np.arange(40) % 3
    repeated = np.repeat(np.arange(40), weight)
    weighted = calibration.fit(logits, y_true, weight, method=method)
    by_hand = calibration.fit(logits[repeated], y_true[repeated], method=method)
    assert vars(weighted) == pytest.approx(vars(by_hand), rel=1e-3)


@pytest.mark.parametrize("method", ["platt", "temperature"])
def test_a_separable_set_is_as_sharp_as_its_size_justifies(method):
    # One logit a class: expit(4 * slope) must be (20 + 1) / (20 + 2), so the slope is log(21) / 4.
    logits, y_true = np.repeat([-4.0, 4.0], 20), np.repeat([False, True], 20)
    found = calibration.fit(logits, y_true, method=method)
    assert (found.slope, found.intercept) == pytest.approx((np.log(21) / 4, 0), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("method", ["platt", "temperature"])
@pytest.mark.parametrize(
    "logits", [[-1e-6, 1e-6], [-1e6, 1e6], [1.0, -1.0], [0.0, 0.0]], ids=["tiny", "huge", "wrong", "zero"]
)
def test_the_slope_stays_in_its_range(logits, method):
    found = calibration.fit(np.array(logits), np.array([False, True]), method=method)
    assert 0.05 <= found.slope <= 20
    assert 0 <= found.probability(np.array(logits)).min() <= 0.5


@settings(max_examples=20)
@given(st.lists(st.tuples(st.booleans(), st.floats(-50, 50)), min_size=1, max_size=30))
def test_the_order_of_scores_is_kept(rows):
    y_true, logits = (np.array(column) for column in zip(*rows, strict=True))
    probability = calibration.fit(logits, y_true).probability(np.sort(logits))
    assert (np.diff(probability) >= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()


def test_applying_by_hand():
    probability = Calibration(0.5, 1.0).probability(np.array([-2.0, 0.0, 5.0], np.float32))
    assert probability.dtype == np.float64
    assert logit(probability) == pytest.approx([0.0, 1.0, 3.5])


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: Calibration(0.0), "above 0"),
        (lambda: Calibration(1.0, np.nan), "finite"),
        (lambda: calibration.fit(np.array([np.inf, 0]), np.array([True, False])), "finite"),
        (lambda: calibration.fit(np.zeros(3), np.zeros(2, bool)), "one shape"),
        (lambda: calibration.fit(np.zeros(2), np.zeros(2, bool), np.zeros(2)), "sample_weight"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
