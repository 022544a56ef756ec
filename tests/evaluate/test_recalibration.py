import numpy as np
import pytest

from pipeline.evaluate import recalibration
from pipeline.evaluate.recalibration import Site
from pipeline.predict.calibration import Calibration
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.recalibration import Fit, Targets

TARGETS = Targets(0.95, 0.90)
OLD = Fit(Calibration(1.0), OperatingPoints(0.3, 0.7))


def site(n=300, seed=0, shift=2.0, size=2):
    rng = np.random.default_rng(seed)
    y_true = np.repeat(rng.random(n // size) < 0.3, size)
    logits = shift + rng.normal(np.where(y_true, 2.0, -1.5), 1.2)
    return Site(logits, y_true, np.repeat(np.arange(n // size), size).astype(str))


def test_what_is_missing_is_counted_in_groups():
    counts = {"all": 60, "fractured": 12, "other": 48}
    assert recalibration.missing(counts, TARGETS) == {"fractured": 8, "all": 40}
    assert recalibration.missing({"all": 100, "fractured": 20, "other": 80}, TARGETS) == {}
    assert recalibration.missing({"all": 300, "fractured": 20, "other": 280}, Targets(0.99, 0.9)) == {
        "fractured": 80
    }


def test_a_group_is_scored_by_what_never_saw_it():
    one = site()
    scored, fold = recalibration.cross_fit(one, OLD.calibration, None, TARGETS, seed=7)
    assert all(len(set(fold[one.group == name])) == 1 for name in one.group)
    first = one.group == one.group[0]
    odd = one._replace(logits=np.where(first, one.logits + 50, one.logits))
    other = fold != fold[0]
    again, _ = recalibration.cross_fit(odd, OLD.calibration, None, TARGETS, seed=7)
    same_fold = ~other & ~first
    assert (again.y_score[same_fold] == scored.y_score[same_fold]).all()
    assert (again.y_score[other] != scored.y_score[other]).any()


def test_figures_stand_beside_each_other_with_intervals():
    one = site()
    before = recalibration.score(one.logits, OLD)
    after, _ = recalibration.cross_fit(one, OLD.calibration, None, TARGETS, seed=7)
    figures = recalibration.compare(one, before, after, n_samples=100, n_bins=10, seed=7)
    assert figures["after"]["ece"] < figures["before"]["ece"]
    assert figures["difference"]["ece_high"] < 0
    point = figures["after"]["high_sensitivity"]
    assert point["sensitivity_low"] <= point["sensitivity"] <= point["sensitivity_high"]
    called = after.sensitive[one.y_true]
    assert point["sensitivity"] == pytest.approx(called.mean())
    assert figures["before"]["high_sensitivity"]["specificity"] < point["specificity"]


def test_groups_of_one_place_weigh_as_one():
    one = site(size=3)
    assert one.weight.sum() == pytest.approx(100)
    assert one.groups()["all"] == 100
