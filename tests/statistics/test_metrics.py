from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics
from sklearn.calibration import calibration_curve

from pipeline.statistics import metrics, score_curves

Y_TRUE = np.array([False, False, True, True, False, True])
Y_SCORE = np.array([0.1, 0.4, 0.4, 0.8, 0.6, 0.9])

scored_sets = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 1.0]), st.integers(0, 3)),
    min_size=2,
    max_size=30,
).filter(lambda rows: len({truth for truth, _, weight in rows if weight}) == 2)


def columns(rows):
    y_true, y_score, weight = zip(*rows, strict=True)
    return np.array(y_true), np.array(y_score), np.array(weight, dtype=float)


def test_auroc_counts_a_tie_as_half():
    # 9 pairs: 0.4 beats 0.1, ties with 0.4, loses to 0.6; 0.8 and 0.9 beat all three.
    assert metrics.auroc(Y_TRUE, Y_SCORE) == pytest.approx(7.5 / 9)


def test_average_precision_by_hand():
    # recall 1/3 at 0.9 and 2/3 at 0.8 with precision 1; recall 1 at 0.4 with precision 3/5.
    assert metrics.average_precision(Y_TRUE, Y_SCORE) == pytest.approx((1 + 1 + 3 / 5) / 3)


def test_brier_score_by_hand():
    squares = [0.01, 0.16, 0.36, 0.04, 0.36, 0.01]
    assert metrics.brier_score(Y_TRUE, Y_SCORE) == pytest.approx(sum(squares) / 6)


def test_accuracy_calls_one_half_fractured():
    assert metrics.accuracy(Y_TRUE, Y_SCORE) == pytest.approx(4 / 6)  # 0.4 is missed, 0.6 is alarmed
    assert metrics.accuracy(np.array([True, False]), np.array([0.5, 0.5])) == 0.5


def test_a_surely_wrong_answer_costs_no_more_than_what_is_written_as_one_in_a_million():
    loss = metrics.cross_entropy(np.array([True, False]), np.array([0.0, 0.5]))
    assert loss == pytest.approx((math.log(1e6) + math.log(2)) / 2)


def test_ece_by_hand():
    # Two bins: (0.1, 0.4, 0.4) with one fracture of three, (0.8, 0.6, 0.9) with two of three.
    expected = (abs(1 / 3 - 0.3) + abs(2 / 3 - 2.3 / 3)) / 2
    assert metrics.ece(Y_TRUE, Y_SCORE, n_bins=2) == pytest.approx(expected)


def test_ece_by_chance_is_what_true_probabilities_score_on_average_and_falls_with_their_number():
    rng = np.random.default_rng(0)
    few, many = rng.random(100), rng.random(10_000)
    measured = [metrics.ece(rng.random(100) < few, few) for _ in range(400)]
    expected = metrics.ece_by_chance(few, n_samples=400, seed=1)
    assert expected == pytest.approx(np.mean(measured), rel=0.1)
    assert metrics.ece_by_chance(many, n_samples=20, seed=1) < expected / 5
    assert metrics.ece_by_chance(np.array([0.0, 1.0]), seed=1) == 0


@given(scored_sets)
def test_scores_equal_those_of_scikit_learn(rows):
    y_true, y_score, weight = columns(rows)
    scores = metrics.classification_scores(y_true, y_score, weight)
    expected = {
        "auroc": sklearn_metrics.roc_auc_score(y_true, y_score, sample_weight=weight),
        "average_precision": sklearn_metrics.average_precision_score(y_true, y_score, sample_weight=weight),
        "brier_score": sklearn_metrics.brier_score_loss(y_true, y_score, sample_weight=weight),
        "accuracy": sklearn_metrics.accuracy_score(y_true, y_score >= 0.5, sample_weight=weight),
        "loss": sklearn_metrics.log_loss(y_true, y_score.clip(1e-6, 1 - 1e-6), sample_weight=weight),
    }
    assert {name: scores[name] for name in expected} == pytest.approx(expected)


@given(scored_sets)
def test_a_weight_is_a_count(rows):
    y_true, y_score, weight = columns(rows)
    repeated = np.repeat(np.arange(weight.size), weight.astype(int))
    weighted = metrics.classification_scores(y_true, y_score, weight)
    assert weighted == pytest.approx(metrics.classification_scores(y_true[repeated], y_score[repeated]))


@given(scored_sets)
def test_reliability_curve_equals_that_of_scikit_learn(rows):
    y_true, y_score, _ = columns(rows)
    curve = score_curves.reliability_curve(y_true, y_score, n_bins=5)
    share, mean = calibration_curve(y_true, y_score, n_bins=5)
    np.testing.assert_allclose(curve["fractured_share"], share)
    np.testing.assert_allclose(curve["mean_score"], mean)
    assert curve["count"].sum() == y_true.size
    assert ((curve["bin_low"] <= curve["mean_score"]) & (curve["mean_score"] <= curve["bin_high"])).all()


def test_roc_curve_equals_that_of_scikit_learn():
    curve = score_curves.roc_curve(Y_TRUE, Y_SCORE)
    fpr, tpr, threshold = sklearn_metrics.roc_curve(Y_TRUE, Y_SCORE, drop_intermediate=False)
    np.testing.assert_allclose(curve["false_positive_rate"], fpr)
    np.testing.assert_allclose(curve["sensitivity"], tpr)
    np.testing.assert_allclose(curve["threshold"], threshold)


def test_precision_recall_curve_by_hand():
    curve = score_curves.precision_recall_curve(Y_TRUE, Y_SCORE)
    assert curve["threshold"].tolist() == [0.9, 0.8, 0.6, 0.4, 0.1]
    assert curve["precision"] == pytest.approx([1, 1, 2 / 3, 3 / 5, 1 / 2])
    assert curve["recall"] == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1, 1])


def test_a_score_equal_to_the_threshold_is_called():
    scores = metrics.at_threshold(Y_TRUE, Y_SCORE, 0.4)
    assert scores == pytest.approx(
        {"threshold": 0.4, "sensitivity": 1, "specificity": 1 / 3, "ppv": 3 / 5, "npv": 1}
    )


def test_confusion_counts_every_radiograph_once():
    assert metrics.confusion(Y_TRUE, Y_SCORE, 0.7) == {
        "true_positive": 2,
        "false_negative": 1,
        "false_positive": 0,
        "true_negative": 3,
    }


def test_a_share_of_nothing_is_nan():
    nobody_called = metrics.at_threshold(Y_TRUE, Y_SCORE, 0.95)
    no_fracture = metrics.at_threshold(np.zeros(6, bool), Y_SCORE, 0.5)
    assert math.isnan(nobody_called["ppv"])
    assert nobody_called["npv"] == 0.5
    assert math.isnan(no_fracture["sensitivity"])


def test_a_group_weighs_as_one_by_its_mean():
    y_true = np.array([True, True, True, False, False])
    y_score = np.array([0.9, 0.9, 0.3, 0.2, 0.6])
    truth, score, group = metrics.collapse_groups(y_true, y_score, np.array(["a", "a", "b", "c", "d"]))
    assert truth.tolist() == [False, False, True, True]
    assert score == pytest.approx([0.2, 0.6, 0.9, 0.3])
    assert group.tolist() == ["c", "d", "a", "b"]
    assert metrics.auroc(truth, score) == pytest.approx(3 / 4)


def test_a_patient_of_both_classes_is_two_units():
    truth, score, group = metrics.collapse_groups(
        np.array([True, False, True]), np.array([0.8, 0.1, 0.6]), np.array([7, 7, 7])
    )
    assert truth.tolist() == [False, True]
    assert score == pytest.approx([0.1, 0.7])
    assert group.tolist() == [7, 7]


@pytest.mark.parametrize("score", [metrics.auroc, metrics.average_precision, metrics.classification_scores])
@pytest.mark.parametrize("label", [True, False])
def test_one_class_is_refused(score, label):
    with pytest.raises(ValueError, match="both classes"):
        score(np.full(4, label), np.linspace(0, 1, 4))


def test_one_class_by_weight_is_refused():
    with pytest.raises(ValueError, match="both classes"):
        metrics.auroc(Y_TRUE, Y_SCORE, Y_TRUE.astype(float))


def test_one_class_still_has_a_brier_score():
    assert metrics.brier_score(np.ones(2, bool), np.array([0.5, 1.0])) == pytest.approx(0.125)


@pytest.mark.parametrize(
    ("y_true", "y_score", "weight", "rule"),
    [
        ([], [], None, "one shape"),
        ([True, False], [0.1], None, "one shape"),
        ([True, False], [0.1, 1.2], None, "probability"),
        ([True, False], [0.1, math.nan], None, "probability"),
        ([True, False], [0.1, 0.2], [1.0, -1.0], "sample_weight"),
        ([True, False], [0.1, 0.2], [0.0, 0.0], "sample_weight"),
        ([1, 2], [0.1, 0.2], None, "bool"),
    ],
)
def test_what_is_no_score_is_refused(y_true, y_score, weight, rule):
    with pytest.raises(ValueError, match=rule):
        metrics.brier_score(y_true, y_score, weight)


def test_groups_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="one group a radiograph"):
        metrics.collapse_groups(Y_TRUE, Y_SCORE, np.arange(5))


def test_identical_scores_are_chance():
    constant = np.full(6, 0.5)
    assert metrics.auroc(Y_TRUE, constant) == 0.5
    assert metrics.average_precision(Y_TRUE, constant) == 0.5
