import numpy as np
import pytest
from scipy.stats.mstats import hdquantiles

from pipeline.predict import calibration, recalibration, val_scores
from pipeline.predict.calibration import Calibration
from pipeline.predict.recalibration import Targets

TARGETS = Targets(0.95, 0.90)


def place(seed, n, share, shift=0.0, stretch=1.0):
    rng = np.random.default_rng(seed)
    y_true = rng.random(n) < share
    return shift + stretch * rng.normal(np.where(y_true, 2.0, -1.5), 1.2), y_true


def specificity(fit, logits, y_true):
    return (fit.calibration.probability(logits[~y_true]) < fit.points.high_sensitivity).mean()


def specificity_at_target(logits, y_true):
    return (logits[~y_true] < np.quantile(logits[y_true], 1 - TARGETS.sensitivity)).mean()


def test_the_quantile_is_that_of_scipy_and_weights_count_observations():
    values = np.random.default_rng(0).normal(size=30)
    for level in (0.05, 0.5, 0.9):
        expected = float(hdquantiles(values, [level])[0])
        assert recalibration.harrell_davis(values, np.ones(30), level) == pytest.approx(expected)
    twice = recalibration.harrell_davis(np.repeat(values, 2), np.full(60, 0.5), 0.05)
    assert twice == pytest.approx(recalibration.harrell_davis(values, np.ones(30), 0.05), abs=0.02)


def test_of_labels_that_tell_nothing_the_old_calibration_remains():
    logits, y_true = place(0, 2000, 0.3)
    old = calibration.fit(logits, y_true)
    same = calibration.refit(logits[:3], y_true[:3], old)
    assert same.slope == pytest.approx(old.slope, rel=0.3)
    many = calibration.refit(3 + 2 * logits, y_true, old)
    assert (many.slope, many.intercept) == pytest.approx(
        (old.slope / 2, old.intercept - 1.5 * old.slope), rel=0.05
    )


def test_a_perfectly_separated_place_gets_finite_settings():
    fit = recalibration.from_labels(
        np.arange(40.0), np.arange(40) >= 20, np.ones(40), None, Calibration(1.0), TARGETS
    )
    assert 0 < fit.points.high_sensitivity <= fit.points.high_specificity < 1


@pytest.mark.parametrize("shift", [0, 2, -2])
def test_thresholds_reach_a_place_without_labels(shift):
    logits, y_true = place(1, 4000, 0.2)
    weight = np.ones(4000)
    val = val_scores.describe(logits, y_true, weight)
    old = recalibration.from_labels(logits, y_true, weight, None, Calibration(1.0), TARGETS)
    away, truth = place(2, 4000, 0.5, shift)
    fit = recalibration.from_scores(away, weight, val, 0.5, old.calibration, TARGETS)
    assert specificity(fit, away, truth) == pytest.approx(specificity(old, logits, y_true), abs=0.02)
    assert fit.calibration.probability(away).mean() == pytest.approx(0.5, abs=0.02)


def test_of_few_labels_val_steadies_the_thresholds_and_of_many_it_says_little():
    val = val_scores.describe(*place(1, 4000, 0.2), np.ones(4000))
    best = specificity_at_target(*place(2, 20_000, 0.2, shift=2))

    def found(seed, n, remembered):
        logits, y_true = place(seed, n, 0.12, shift=2)
        fit = recalibration.from_labels(logits, y_true, np.ones(n), remembered, Calibration(1.0), TARGETS)
        return specificity(fit, *place(2, 20_000, 0.2, shift=2))

    few = {
        name: [found(seed, 100, kept) for seed in range(20)] for name, kept in (("val", val), ("none", None))
    }
    assert np.std(few["val"]) < 0.7 * np.std(few["none"])
    assert np.mean(few["val"]) == pytest.approx(best, abs=0.05)
    assert found(3, 20_000, val) == pytest.approx(found(3, 20_000, None), abs=0.005)


def near(seed, n):
    """A place where the classes lie closer together and each is narrower than in `place`."""
    rng = np.random.default_rng(seed)
    y_true = rng.random(n) < 0.25
    return 1.5 + rng.normal(np.where(y_true, 0.9, -0.3), 0.7), y_true


def test_a_hundred_labels_find_the_threshold_where_classes_lie_closer_together():
    val = val_scores.describe(*place(1, 4000, 0.2), np.ones(4000))
    away = near(0, 20_000)
    fits = [
        recalibration.from_labels(*near(seed, 100), np.ones(100), val, Calibration(1.0), TARGETS)
        for seed in range(1, 21)
    ]
    assert np.mean([specificity(fit, *away) for fit in fits]) == pytest.approx(
        specificity_at_target(*away), abs=0.05
    )


def test_where_all_scores_are_spread_otherwise_half_of_it_is_believed():
    logits, y_true = place(1, 4000, 0.2)
    val = val_scores.describe(logits, y_true, np.ones(4000))

    def limits(stretch):
        fit = recalibration.from_scores(
            1 + stretch * logits, np.ones(4000), val, float(y_true.mean()), Calibration(1.0), TARGETS
        )
        probability = np.array([fit.points.high_sensitivity, fit.points.high_specificity])
        return (np.log(probability / (1 - probability)) - fit.calibration.intercept) / fit.calibration.slope

    same, wider = (limits(stretch) - 1 - stretch * logits.mean() for stretch in (1.0, 4.0))
    assert wider == pytest.approx(2 * same, abs=0.02)


@pytest.mark.parametrize("kind", [True, False])
def test_one_radiograph_of_a_class_says_nothing_of_its_spread(kind):
    val = val_scores.describe(*place(1, 4000, 0.2), np.ones(4000))
    logits, y_true = place(2, 60, 0.5)
    kept = np.append(np.flatnonzero(y_true == kind)[:1], np.flatnonzero(y_true != kind))
    fit = recalibration.from_labels(
        logits[kept], y_true[kept], np.ones(len(kept)), val, Calibration(1.0), TARGETS
    )
    assert specificity(fit, *place(3, 4000, 0.2)) == pytest.approx(
        specificity_at_target(*place(3, 4000, 0.2)), abs=0.1
    )


def test_scores_that_are_all_alike_still_move_the_thresholds():
    val = val_scores.describe(*place(1, 400, 0.2), np.ones(400))
    fit = recalibration.from_scores(np.zeros(200), np.ones(200), val, 0.2, Calibration(1.0), TARGETS)
    assert 0 < fit.points.high_sensitivity <= fit.points.high_specificity < 1


def test_scores_of_val_come_back_as_they_were_written():
    val = val_scores.describe(*place(1, 400, 0.2), np.ones(400))
    again = val_scores.ValScores.of_plain(val.plain())
    assert (again.fractured == val.fractured).all()
    assert again.fractured_share == val.fractured_share == pytest.approx(0.2, abs=0.05)
