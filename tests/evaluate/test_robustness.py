from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluate import robustness
from pipeline.predict.operating_points import OperatingPoints
from pipeline.statistics import delong, metrics

POINTS = OperatingPoints(0.4, 0.6)
LEVELS = [("none", 0.0), ("blur", 1.0), ("blur", 2.0)]
Y_TRUE = np.arange(20) % 2 == 0
CLEAR = np.where(Y_TRUE, 0.8, 0.2) + np.linspace(-0.15, 0.15, 20)
Y_SCORES = np.stack([CLEAR, CLEAR.mean() + 0.3 * np.sin(np.arange(20) * 7.0), 1 - CLEAR], axis=1)


@pytest.fixture(scope="module")
def table():
    return robustness.tabulate(LEVELS, Y_TRUE, Y_SCORES, POINTS, n_samples=50, seed=0)


def test_each_level_has_its_auroc(table):
    assert list(table) == robustness.COLUMNS
    assert table[["disturbance", "level"]].apply(tuple, axis=1).tolist() == LEVELS
    assert table["auroc"].tolist() == pytest.approx([metrics.auroc(Y_TRUE, y) for y in Y_SCORES.T])
    assert (table["auroc_low"] <= table["auroc"]).all()


def test_changes_are_from_the_unperturbed(table):
    assert table.iloc[0][["change", "change_low", "change_high", "p_value"]].tolist() == [0, 0, 0, 1]
    expected = delong.compare(Y_TRUE, Y_SCORES[:, 1], Y_SCORES[:, 0])
    assert table.iloc[1][["change", "change_low", "change_high", "p_value"]].tolist() == pytest.approx(
        expected
    )


def test_thresholds_stay_where_they_are(table):
    assert table["sensitivity"].tolist()[::2] == [1.0, 0.0]
    assert table["specificity"].tolist()[::2] == [1.0, 0.0]


def test_the_worst_level_stands_for_a_perturbation(table):
    assert robustness.worst(table) == pytest.approx({"none": 1.0, "blur": 0.0})


@pytest.mark.parametrize("n_radiographs", [0, 1, 2, 6, 100])
def test_a_sample_is_independent_and_balanced(n_radiographs):
    group = np.repeat(np.arange(10), 2).astype(str)
    y_true = np.repeat(np.arange(10) < 4, 2)
    chosen = robustness.sample(y_true, group, n_radiographs, seed=3)
    assert len(np.unique(group[chosen])) == len(chosen)
    assert y_true[chosen].sum() == min(4, n_radiographs // 2)
    assert (~y_true[chosen]).sum() == min(6, n_radiographs // 2)
    assert np.array_equal(chosen, robustness.sample(y_true, group, n_radiographs, seed=3))


@pytest.mark.parametrize("n_fractured", [0, 1])
def test_too_few_radiographs_make_no_curve(n_fractured):
    y_true = np.arange(6) < n_fractured
    assert robustness.tabulate(LEVELS, y_true, np.zeros((6, 3)), POINTS, n_samples=50, seed=0).empty
