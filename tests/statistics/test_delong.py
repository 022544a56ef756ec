from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pipeline.statistics import delong, intervals, metrics


def slow(y_true, y_scores):
    """DeLong's covariance as it is defined: every pair of radiographs looked at."""

    def wins(scores):
        fractured, other = scores[y_true], scores[~y_true]
        return np.array([[(x > y) + 0.5 * (x == y) for y in other] for x in fractured])

    won = np.stack([wins(scores) for scores in y_scores])
    by_fractured, by_other = won.mean(axis=2), won.mean(axis=1)
    spread = np.cov(by_fractured) / y_true.sum() + np.cov(by_other) / (~y_true).sum()
    return won.mean(axis=(1, 2)), spread


def drawn(n=60, seed=0):
    """Two scores of the same radiographs, with ties."""
    generator = np.random.default_rng(seed)
    y_true = np.arange(n) % 3 == 0
    shared = y_true + generator.normal(size=n)
    return y_true, np.round([shared + generator.normal(size=n), shared + 0.5 * generator.normal(size=n)], 1)


@pytest.mark.parametrize("seed", range(5))
def test_covariance_is_that_of_all_pairs(seed):
    y_true, y_scores = drawn(seed=seed)
    auroc, spread = delong.covariance(y_true, y_scores)
    expected, spread_expected = slow(y_true, y_scores)
    assert auroc == pytest.approx(expected)
    assert spread == pytest.approx(spread_expected)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 5)), min_size=4, max_size=20).filter(
        lambda rows: 2 <= sum(truth for truth, *_ in rows) <= len(rows) - 2
    )
)
def test_ties_are_no_trap(rows):
    y_true, first, second = (np.array(column) for column in zip(*rows, strict=True))
    auroc, spread = delong.covariance(y_true, [first, second])
    assert auroc == pytest.approx([roc_auc_score(y_true, first), roc_auc_score(y_true, second)])
    assert spread == pytest.approx(slow(y_true, np.array([first, second], float))[1], abs=1e-12)


def test_four_radiographs_by_hand():
    # First: all pairs right. Second: each of the fractured beats one of two; so does each other lose one.
    y_true = np.array([True, True, False, False])
    found = delong.compare(y_true, np.array([3, 4, 1, 2]), np.array([1, 3, 2, 0]))
    # Second wins: (1 > 2) no, (1 > 0) yes, (3 > 2) yes, (3 > 0) yes: 0.75; its own spread is
    # var(0.5, 1) / 2 + var(0.5, 1) / 2 = 0.125.
    assert found.difference == pytest.approx(0.25)
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * np.sqrt(0.125))
    assert found.p_value == pytest.approx(0.4795, abs=1e-4)


def test_copies_add_no_certainty():
    y_true, (first, second) = drawn()
    alone = delong.compare(y_true, first, second)
    copied = delong.compare(*(np.tile(each, 3) for each in (y_true, first, second, np.arange(60))))
    assert copied == pytest.approx(alone)


def test_mixed_groups_agree_with_the_bootstrap():
    generator = np.random.default_rng(1)
    group = np.repeat(np.arange(60), 4)
    y_true = generator.random(240) < 0.4
    y_score = y_true + generator.normal(size=240) + generator.normal(size=60)[group]
    _, spread = delong.covariance(y_true, y_score[None], group)
    share = 1 / (1 + np.exp(-y_score))
    resamples = intervals.resample_groups(group, n_samples=1000)
    values = [metrics.auroc(y_true, share, weight) for weight in resamples]
    assert np.sqrt(spread[0, 0]) == pytest.approx(np.std(values), rel=0.15)


def test_equal_orders_do_not_differ():
    y_true, (first, _) = drawn()
    assert delong.compare(y_true, first, 2 * first + 1) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((np.array([True, False, False]), np.zeros(3), np.zeros(3)), "two groups of either class"),
        ((np.arange(4) % 2 == 0, np.zeros(4), np.zeros(4), np.zeros(4)), "Received: 1 with"),
        ((np.arange(4) % 2 == 0, np.zeros(4), np.full(4, np.nan)), "finite"),
        ((np.arange(4) % 2 == 0, np.zeros(3), np.zeros(3)), r"\(K, N\)"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments, rule):
    with pytest.raises(ValueError, match=rule):
        delong.compare(*arguments)
