from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from pipeline.statistics import expected_width, metrics


def test_the_width_is_that_of_simulated_aurocs():
    rng = np.random.default_rng(0)
    truth = np.repeat([True, False], [40, 160])
    scores = rng.exponential(np.where(truth, 9.0, 1.0), (2000, 200))  # an AUROC of 9 / (9 + 1)
    aurocs = [metrics.auroc(truth, row / scores.max()) for row in scores]
    assert np.mean(aurocs) == pytest.approx(0.9, abs=0.005)
    assert expected_width.auroc_width(40, 160) == pytest.approx(2 * 1.96 * np.std(aurocs), rel=0.05)


def test_the_width_of_a_share_is_the_mean_over_all_that_may_come():
    ends = [binomtest(hits, 11).proportion_ci() for hits in range(12)]
    drawn = np.random.default_rng(0).binomial(11, 0.95, 20_000)
    mean = np.mean([ends[hits].high - ends[hits].low for hits in drawn])
    assert expected_width.share_width(11, share=0.95) == pytest.approx(mean, abs=0.002)


def test_nothing_is_known_without_a_group():
    assert expected_width.auroc_width(0, 50) == expected_width.auroc_width(50, 0) == 1
    assert expected_width.share_width(0) == 1
