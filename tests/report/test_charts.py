import numpy as np

from pipeline.evaluate import curves, evaluation
from pipeline.predict.operating_points import OperatingPoints
from pipeline.report import charts
from pipeline.statistics import metrics

POINTS = OperatingPoints(0.3, 0.7)


def test_the_charts_of_a_classifier_name_their_figures():
    y_true = np.arange(20) % 2 == 0
    y_score = np.where(y_true, 0.8, 0.2)
    split = (y_true, y_score, np.arange(20), POINTS)
    repeat = {"n_samples": 50, "n_bins": 10, "seed": 0}
    scores = evaluation.evaluate(*split, **repeat)
    drawn = charts.classifier_charts(scores, curves.tabulate(*split, **repeat))
    assert "AUROC 1.00 (no interval)" in drawn["roc"]
    assert "Prevalence 0.50" in drawn["precision_recall"]
    assert "ECE 0.200" in drawn["reliability"]
    assert "best from 0.21 to 0.80" in drawn["decision_curve"]
    assert ["High sensitivity" in matrix for matrix in drawn["confusion"]] == [True, False]


def test_confusion_counts_come_back_from_rates():
    y_true, y_score = np.arange(70) % 7 < 3, np.random.default_rng(0).random(70)
    scores = evaluation.evaluate(y_true, y_score, np.arange(70), POINTS, n_samples=5, n_bins=10, seed=0)
    for point in (scores["high_sensitivity"], scores["high_specificity"]):
        rounded = {name: round(point[name], 6) for name in ("sensitivity", "specificity")}
        assert charts._counts(scores, rounded) == metrics.confusion(y_true, y_score, point["threshold"])
