from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from pipeline.evaluate import comparison
from pipeline.statistics import intervals, metrics


def two_models(n: int = 200, seed: int = 0, gain: float = 0.0):
    """Two models with much noise in common."""
    generator = np.random.default_rng(seed)
    y_true = np.arange(n) % 2 == 0
    shared = generator.normal(y_true * 1.2, 1.0)
    first, second = (norm.cdf(shared + generator.normal(0, 0.4, n) + y_true * g) for g in (0.0, gain))
    return y_true, first, second


def test_figures_are_those_of_either_model() -> None:
    y_true, first, second = two_models()
    found = comparison.auroc_difference(y_true, first, second, np.arange(200))
    assert found.first == pytest.approx(roc_auc_score(y_true, first))
    assert found.second == pytest.approx(roc_auc_score(y_true, second))
    assert found.difference == pytest.approx(found.second - found.first)
    assert found.low < found.difference < found.high


def test_a_model_does_not_differ_from_itself() -> None:
    y_true, first, _ = two_models()
    found = comparison.auroc_difference(y_true, first, first, np.arange(200))
    assert found[2:] == (0.0, 0.0, 0.0)


def test_pairing_narrows_the_interval() -> None:
    y_true, first, second = two_models(gain=0.3)
    paired = comparison.auroc_difference(y_true, first, second, np.arange(200))
    variance = [auroc_variance(y_true, score) for score in (first, second)]
    assert paired.high - paired.low < 0.8 * 2 * 1.96 * np.sqrt(sum(variance))


def test_the_interval_is_that_of_a_paired_bootstrap() -> None:
    y_true, first, second = two_models(gain=0.3)
    models = y_true, first, second, np.repeat(np.arange(100), 2)  # a group of either class: two units
    closed = comparison.auroc_difference(*models)
    (truth, one, group), (_, other, _) = (metrics.collapse_groups(y_true, y, models[3]) for y in models[1:3])
    drawn = intervals.summarize(
        lambda weight: {"auroc": metrics.auroc(truth, other, weight) - metrics.auroc(truth, one, weight)},
        *(group, truth),
        n_samples=1000,
        seed=0,
    )
    assert closed[:3] == pytest.approx(
        (metrics.auroc(truth, one), metrics.auroc(truth, other), drawn["auroc"])
    )
    assert (drawn["auroc_low"], drawn["auroc_high"]) == pytest.approx((closed.low, closed.high), abs=0.006)


def auroc_variance(y_true, y_score) -> float:
    """Hanley and McNeil's."""
    n, area = y_true.sum(), roc_auc_score(y_true, y_score)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    return (area * (1 - area) + (n - 1) * (q1 + q2 - 2 * area**2)) / n**2


def test_copies_weigh_as_one() -> None:
    y_true, first, second = two_models(60)
    again = np.concatenate([np.arange(60), np.repeat(7, 500)])
    alone, copied = (
        comparison.differences(
            y_true[rows],
            first[rows],
            second[rows],
            rows,
            n_samples=50,
            seed=1,
        )
        for rows in (np.arange(60), again)
    )
    assert set(copied) == {"auroc", "average_precision", "brier_score", "ece"}
    for name, figures in alone.items():
        assert copied[name] == pytest.approx(figures)


def test_copies_weigh_as_one_in_the_aurocs() -> None:
    y_true, first, second = two_models(60)
    again = np.concatenate([np.arange(60), np.repeat(7, 500)])
    alone, copied = (
        comparison.auroc_difference(y_true[rows], first[rows], second[rows], rows)
        for rows in (np.arange(60), again)
    )
    assert copied == pytest.approx(alone)


def test_groups_that_share_a_radiograph_in_either_set_are_joined() -> None:
    first = np.array(["a", "a", "b", "c", "d"])
    second = np.array([1, 2, 2, 3, 4])
    assert comparison.joined_groups(first, second).tolist() == [0, 0, 0, 1, 2]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_a_grouping_joined_with_itself_stays(group: list[int]) -> None:
    joined = comparison.joined_groups(np.array(group), np.array(group))
    assert joined.tolist() == np.unique(group, return_inverse=True)[1].tolist()


def test_only_sure_errors_of_one_model_alone_are_counted() -> None:
    y_true = np.array([True, True, True, False, False])
    first = np.array(["no finding", "no finding", "needs review", "fracture", "needs review"])
    second = np.array(["no finding", "fracture", "no finding", "no finding", "fracture"])
    counted = comparison.changed_decisions(y_true, first, second)
    assert counted == {"missed": (1, 1), "false_alarm": (1, 1)}
