from __future__ import annotations

import math
import time
from functools import partial

import numpy as np
import pytest
from scipy.stats import bootstrap, norm
from sklearn.metrics import roc_auc_score

from pipeline.statistics import intervals, metrics


def scored_radiographs(n=300, seed=0):
    generator = np.random.default_rng(seed)
    y_true = np.arange(n) % 2 == 0
    return y_true, norm.cdf(generator.normal(y_true * 1.0, 1.0))


def test_a_group_is_drawn_whole_and_as_often_as_there_are_groups():
    group = np.array(["a", "b", "a", "c", "c", "c"])
    for weight in intervals.resample_groups(group, n_samples=50):
        assert weight[0] == weight[2]
        assert weight[3] == weight[4] == weight[5]
        assert weight[[0, 1, 3]].sum() == 3


def test_each_kind_of_group_keeps_its_count():
    group = np.array([0, 1, 2, 2, 3])
    y_true = np.array([True, False, True, False, True])
    for weight in intervals.resample_groups(group, y_true, n_samples=50):
        assert weight[0] + weight[4] == 2
        assert weight[1] == 1
        assert weight[2] == weight[3] == 1


def test_both_classes_are_always_drawn():
    y_true = np.array([True] + [False] * 20)
    low, high = intervals.bootstrap_by_group(
        partial(metrics.auroc, y_true, np.linspace(0, 1, 21)), np.arange(21), y_true, n_samples=200
    )
    assert low == high == 0.0


def test_interval_of_a_mean_equals_that_of_scipy():
    values = np.random.default_rng(1).exponential(size=80)
    low, high = intervals.bootstrap_by_group(
        lambda weight: np.average(values, weights=weight), np.arange(80), n_samples=4000
    )
    expected = bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=0)
    assert low == pytest.approx(expected.confidence_interval.low, abs=0.02)
    assert high == pytest.approx(expected.confidence_interval.high, abs=0.02)


def test_copies_do_not_narrow_the_interval():
    y_true, y_score = scored_radiographs(60)
    copies = np.repeat(np.arange(60), 10)
    alone = intervals.summarize(
        partial(metrics.classification_scores, y_true, y_score), np.arange(60), y_true
    )
    copied = intervals.summarize(
        partial(metrics.classification_scores, y_true[copies], y_score[copies]), copies, y_true[copies]
    )
    assert copied == pytest.approx(alone)


def test_interval_of_auroc_has_the_width_of_hanley_and_mcneil():
    y_true, y_score = scored_radiographs(300)
    area = metrics.auroc(y_true, y_score)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + 149 * (q1 - area**2) + 149 * (q2 - area**2)) / 150**2
    low, high = intervals.bootstrap_by_group(
        partial(metrics.auroc, y_true, y_score), np.arange(300), y_true, n_samples=600
    )
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(variance), rel=0.15)


def test_summary_names_each_figure_and_both_ends():
    y_true, y_score = scored_radiographs(40)
    summary = intervals.summarize(
        partial(metrics.classification_scores, y_true, y_score), np.arange(40), y_true, n_samples=100
    )
    assert summary["auroc"] == metrics.auroc(y_true, y_score)
    assert summary["auroc_low"] <= summary["auroc"] <= summary["auroc_high"]
    assert set(summary) == {
        f"{name}{end}"
        for name in ("auroc", "average_precision", "brier_score", "ece", "accuracy", "loss")
        for end in ("", "_low", "_high")
    }


def test_all_figures_of_a_resample_cost_less_than_scikit_learns_auroc_alone():
    y_true, y_score = scored_radiographs(300)
    start = time.process_time()
    scores = partial(metrics.classification_scores, y_true, y_score)
    intervals.summarize(scores, np.arange(300), y_true, n_samples=200)
    between = time.process_time()
    for weight in intervals.resample_groups(np.arange(300), y_true, n_samples=200):
        roc_auc_score(y_true, y_score, sample_weight=weight)
    assert between - start < time.process_time() - between


def test_the_seed_decides():
    def interval(seed):
        return intervals.bootstrap_by_group(
            lambda weight: np.average(np.arange(9), weights=weight), np.arange(9), n_samples=60, seed=seed
        )

    assert interval(3) == interval(3)
    assert interval(3) != interval(4)


def test_undefined_resamples_are_left_out():
    values = iter([math.nan, 1.0, math.nan, 3.0])
    low, high = intervals.bootstrap_by_group(lambda _: next(values), np.arange(2), n_samples=4, level=1.0)
    assert (low, high) == (1.0, 3.0)


def test_what_is_never_defined_has_no_interval():
    low, high = intervals.bootstrap_by_group(lambda _: [math.nan, 1.0], np.arange(2), n_samples=4)
    assert math.isnan(low[0])
    assert math.isnan(high[0])
    assert (low[1], high[1]) == (1.0, 1.0)


@pytest.mark.parametrize(("group", "y_true"), [([], None), ([1, 2], [True])])
def test_groups_that_do_not_match_are_refused(group, y_true):
    with pytest.raises(ValueError, match="one group a radiograph"):
        next(intervals.resample_groups(np.array(group), y_true))
