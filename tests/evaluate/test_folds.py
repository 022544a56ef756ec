from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluate import decided, evaluation, folds
from pipeline.predict import operating_points
from pipeline.predict.operating_points import OperatingPoints
from pipeline.statistics import delong, metrics

SETTINGS = {"n_samples": 100, "n_bins": 10, "seed": 3}
POINTS = OperatingPoints(high_sensitivity=0.3, high_specificity=0.6)


def of_fold(fold: int, n: int = 40, shift: float = 0.0) -> pd.DataFrame:
    """Predictions of one fold; two radiographs a group."""
    rng = np.random.default_rng(fold)
    fractured = np.arange(n) % 4 < 2
    y_score = np.clip(0.3 + 0.3 * fractured + shift + rng.normal(0, 0.15, n), 0, 1)
    return pd.DataFrame(
        {
            "path": [f"{fold}-{i}.png" for i in range(n)],
            "group": [f"g{fold}-{i // 2}" for i in range(n)],
            "fractured": fractured,
            "y_score": y_score,
            "decision": operating_points.decide(y_score, POINTS),
        }
    )


FOLDS = [of_fold(fold) for fold in range(3)]
KEPT = pd.concat(FOLDS)[["path", "group"]]


def test_folds_with_the_same_thresholds_score_as_one_set_of_radiographs():
    rows = folds.join(FOLDS, KEPT)
    pooled = folds.pool(rows, **SETTINGS)
    whole = evaluation.evaluate(*evaluation.columns(rows), POINTS, **SETTINGS)
    for point in ("high_sensitivity", "high_specificity"):
        assert {name: pooled[point][name] for name in decided.RATES}.items() <= whole[point].items()
        assert pooled[point]["sensitivity_low"] <= pooled[point]["sensitivity"]
    same = [name for name in whole if name not in ("high_sensitivity", "high_specificity")]
    assert {name: pooled[name] for name in same} == {name: whole[name] for name in same}


def test_folds_that_are_calibrated_apart_lower_the_pooled_auroc_and_not_the_mean():
    apart = [of_fold(0, shift=-0.3), of_fold(1), of_fold(2, shift=0.3)]
    pooled = folds.pool(folds.join(apart, KEPT), **SETTINGS)
    mean = np.mean([metrics.auroc(own["fractured"], own["y_score"]) for own in apart])
    assert pooled["fold_mean_auroc"] == pytest.approx(mean)
    assert pooled["auroc_high"] < pooled["fold_mean_auroc_low"]


def test_the_interval_of_the_mean_is_delongs_of_each_fold_added_up():
    rows = folds.join(FOLDS, KEPT)
    found = folds.mean_auroc(rows)
    spreads = [
        delong.covariance(own["fractured"], own[["y_score"]].T, own["group"])[1][0, 0] for own in FOLDS
    ]
    reach = 1.959964 * np.sqrt(sum(spreads)) / 3
    assert found["fold_mean_auroc_high"] - found["fold_mean_auroc"] == pytest.approx(reach)


def test_a_fold_with_one_group_of_a_class_has_a_mean_without_an_interval():
    few = [FOLDS[0], FOLDS[1].iloc[:4]]
    found = folds.mean_auroc(folds.join(few, pd.concat(few)[["path", "group"]]))
    assert np.isfinite(found["fold_mean_auroc"])
    assert np.isnan([found["fold_mean_auroc_low"], found["fold_mean_auroc_high"]]).all()


@pytest.mark.reliability("folds made of different data", "an error that names a radiograph")
@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (FOLDS[:2], "40 that are not, such as 2-0.png"),
        ([*FOLDS, FOLDS[0]], "40 that are not, such as 0-0.png"),
        ([*FOLDS, of_fold(7)], "40 that are not, such as 7-0.png"),
        ([FOLDS[0], FOLDS[1], FOLDS[2].assign(group="g1-0")], "Received: g1-0 in several"),
    ],
)
def test_every_group_is_tested_once_or_nothing_is_pooled(parts, message):
    with pytest.raises(ValueError, match=message):
        folds.join(parts, KEPT)
