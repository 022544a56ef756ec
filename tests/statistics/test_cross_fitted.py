from __future__ import annotations

import numpy as np
import pytest

from pipeline.statistics import cross_fitted, metrics


def auroc(values: np.ndarray, fractured: np.ndarray, group: np.ndarray) -> float:
    return metrics.auroc(fractured, cross_fitted.logistic_scores(values, fractured, group, seed=0))


def test_what_tells_the_class_is_found_and_what_does_not_is_not() -> None:
    fractured = np.arange(400) % 4 == 0
    values = np.random.default_rng(0).normal(size=(400, 3))
    assert auroc(values, fractured, np.arange(400)) == pytest.approx(0.5, abs=0.08)
    values[:, 1] += 2 * fractured
    assert auroc(values, fractured, np.arange(400)) == pytest.approx(0.92, abs=0.04)  # of Phi(2 / sqrt(2))


def test_a_group_is_scored_by_others_alone() -> None:
    group = np.repeat(np.arange(20), 4)
    fractured = group % 2 == 0
    values = np.eye(20)[group]  # tells the group, and the class by heart
    assert auroc(values, fractured, group) < 0.6
    assert auroc(values, fractured, np.arange(80)) == 1


def test_two_groups_of_either_class_are_enough_and_fewer_are_refused() -> None:
    fractured, group = np.array([True, True, False, False, False]), np.array(list("abcde"))
    values = np.array([[1.0], [1.1], [0.0], [0.1], [0.2]])
    assert auroc(values, fractured, group) == 1
    with pytest.raises(ValueError, match="Received: 1 fractured, 3 not"):
        cross_fitted.logistic_scores(values, fractured, np.array(list("aacde")), seed=0)


def test_groups_of_both_classes_leave_every_fold_both() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        group = rng.integers(0, 8, 14)
        fractured = rng.random(14) < 0.3
        if min(len(np.unique(group[has])) for has in (fractured, ~fractured)) < 2:
            continue
        scores = cross_fitted.logistic_scores(rng.normal(size=(14, 2)), fractured, group, seed=seed)
        assert ((scores > 0) & (scores < 1)).all()
