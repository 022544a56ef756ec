from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate import net_benefit

Y_TRUE = np.array([True, True, False, False, False])
Y_SCORE = np.array([0.9, 0.3, 0.6, 0.2, 0.1])


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.25, 2 / 5 - 1 / 5 * 1 / 3),  # two found, one false alarm at a third of a fracture's worth
        (0.5, 1 / 5 - 1 / 5),
        (0.6, 1 / 5 - 1 / 5 * 1.5),  # at the threshold is called
        (0.95, 0.0),  # nothing is called
    ],
)
def test_net_benefit_by_hand(threshold, expected):
    assert net_benefit.net_benefit(Y_TRUE, Y_SCORE, np.array([threshold])) == pytest.approx([expected])


def test_a_weight_is_a_count():
    weight = np.array([2, 0, 1, 3, 1])
    repeated = np.repeat(np.arange(5), weight)
    at = np.array([0.15, 0.5])
    weighted = net_benefit.net_benefit(Y_TRUE, Y_SCORE, at, weight)
    assert weighted == pytest.approx(net_benefit.net_benefit(Y_TRUE[repeated], Y_SCORE[repeated], at))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_it_is_true_less_priced_false_positives(rows, threshold):
    y_true, y_score = (np.array(column) for column in zip(*rows, strict=True))
    called = y_score >= threshold
    price = threshold / (1 - threshold)
    expected = (called & y_true).mean() - (called & ~y_true).mean() * price
    found = net_benefit.net_benefit(y_true, y_score, np.array([threshold]))
    assert found == pytest.approx([expected])
    assert found <= y_true.mean() + 1e-12


def test_the_curve_stands_beside_its_alternatives():
    group = np.arange(5)
    curve = net_benefit.decision_curve(Y_TRUE, Y_SCORE, group, n_samples=50, seed=0).set_index("threshold")
    assert list(curve) == net_benefit.COLUMNS[1:]
    assert curve.loc[0.5, "treat_all"] == pytest.approx(2 / 5 - 3 / 5)
    assert (curve["treat_none"] == 0).all()
    assert (curve["net_benefit_low"] <= curve["net_benefit_high"]).all()
    assert curve.loc[0.01, "net_benefit"] == pytest.approx(curve.loc[0.01, "treat_all"])  # all score more


def curve_of(own):
    thresholds = np.arange(1, len(own) + 1) / 100
    return pd.DataFrame({"threshold": thresholds, "net_benefit": own, "treat_all": 0.1, "treat_none": 0.0})


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ([0.2, 0.1, 0.2, 0.3, 0.0], (0.03, 0.04)),  # of two runs the longer one; equal is not better
        ([0.2, 0.2], (0.01, 0.02)),
        ([0.1, 0.05], None),
    ],
)
def test_the_useful_range_is_the_longest_run(own, expected):
    assert net_benefit.useful_range(curve_of(own)) == expected


def test_a_threshold_that_is_no_probability_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        net_benefit.net_benefit(Y_TRUE, Y_SCORE, np.array([1.0]))
