import numpy as np

from pipeline.evaluate import evaluation, net_benefit
from pipeline.predict.operating_points import OperatingPoints
from pipeline.report import charts

POINTS = OperatingPoints(0.3, 0.7)


def test_the_charts_of_a_classifier_name_their_figures():
    y_true = np.arange(20) % 2 == 0
    y_score = np.where(y_true, 0.8, 0.2)
    figures = evaluation.evaluate(y_true, y_score, np.arange(20), POINTS, n_samples=50, n_bins=10, seed=0)
    curve = net_benefit.decision_curve(y_true, y_score, np.arange(20), n_samples=50, seed=0)
    drawn = charts.classifier_charts(y_true, y_score, figures, curve, n_bins=10)
    assert "AUROC 1.00 (1.00 to 1.00)" in drawn["roc"]
    assert "Prevalence 0.50" in drawn["precision_recall"]
    assert "ECE 0.200" in drawn["reliability"]
    assert "best from 0.21 to 0.80" in drawn["decision_curve"]
    assert ["High sensitivity" in matrix for matrix in drawn["confusion"]] == [True, False]
