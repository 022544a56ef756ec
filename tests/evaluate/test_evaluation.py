from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from pipeline.evaluate import evaluation
from pipeline.predict import calibration, operating_points
from pipeline.predict.operating_points import OperatingPoints

Y_TRUE = np.array([True, True, True, False, False, False, False, True])
Y_SCORE = np.array([0.9, 0.8, 0.35, 0.6, 0.2, 0.1, 0.4, 0.7])
GROUP = np.array(["a", "a", "b", "c", "d", "d", "e", "f"])
POINTS = OperatingPoints(0.3, 0.65)


@pytest.fixture(scope="module")
def figures() -> dict:
    return evaluation.evaluate(Y_TRUE, Y_SCORE, GROUP, POINTS, n_samples=200, n_bins=5, seed=7)


def test_counts(figures: dict) -> None:
    assert (figures["radiographs"], figures["groups"], figures["fractured"]) == (8, 6, 4)


def test_figures_by_file_are_those_of_scikit_learn(figures: dict) -> None:
    assert figures["auroc"] == pytest.approx(roc_auc_score(Y_TRUE, Y_SCORE))
    assert figures["average_precision"] == pytest.approx(average_precision_score(Y_TRUE, Y_SCORE))
    assert figures["brier_score"] == pytest.approx(brier_score_loss(Y_TRUE, Y_SCORE))


def test_figures_by_group_score_each_group_once(figures: dict) -> None:
    truth, score = [1, 1, 0, 0, 0, 1], [0.85, 0.35, 0.6, 0.15, 0.4, 0.7]  # means of the groups
    assert figures["group_auroc"] == pytest.approx(roc_auc_score(truth, score))
    assert figures["group_brier_score"] == pytest.approx(brier_score_loss(truth, score))


@pytest.mark.parametrize("name", ["auroc", "average_precision", "brier_score", "ece", "accuracy"])
@pytest.mark.parametrize("unit", ["", "group_"])
def test_every_figure_lies_in_its_interval(figures: dict, name: str, unit: str) -> None:
    low, value, high = (figures[f"{unit}{name}{end}"] for end in ("_low", "", "_high"))
    assert low <= high
    assert low >= 0
    assert high <= 1
    if name != "ece":  # resampling adds to a calibration error, and never takes away
        assert low <= value <= high


def test_operating_points_by_hand(figures: dict) -> None:
    sensitive, specific = figures["high_sensitivity"], figures["high_specificity"]
    assert (sensitive["sensitivity"], sensitive["specificity"]) == (1.0, 0.5)
    assert (specific["sensitivity"], specific["specificity"]) == (0.75, 1.0)
    assert figures["needs_review"] == 3 / 8  # 0.35, 0.6 and 0.4


def test_accuracy_and_loss_stand_beside_what_the_more_frequent_class_reaches(figures: dict) -> None:
    assert (figures["accuracy"], figures["majority_accuracy"]) == (6 / 8, 4 / 8)  # 0.35 and 0.6 are wrong
    assert (figures["group_accuracy"], figures["group_majority_accuracy"]) == (4 / 6, 3 / 6)
    assert figures["loss_low"] <= figures["loss"] <= figures["loss_high"]
    assert figures["loss"] == pytest.approx(log_loss(Y_TRUE, Y_SCORE))


def test_each_point_carries_what_is_guaranteed_of_it(figures: dict) -> None:
    sensitive, specific = figures["high_sensitivity"], figures["high_specificity"]
    assert sensitive["guaranteed_sensitivity"] == pytest.approx(0.05 ** (1 / 3))  # three groups, none missed
    assert (sensitive["groups"], sensitive["more_groups_needed"]) == (3, 56)
    assert specific["guaranteed_specificity"] == pytest.approx(0.05 ** (1 / 3))
    assert (specific["groups"], specific["more_groups_needed"]) == (3, 26)


def test_equal_seeds_give_equal_intervals(figures: dict) -> None:
    again = evaluation.evaluate(Y_TRUE, Y_SCORE, GROUP, POINTS, n_samples=200, n_bins=5, seed=7)
    assert again == figures


def predictions(hardware: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Four radiographs of val, four of test; what each says of hardware is one letter."""
    rows = {"split": ["val"] * 4 + ["test"] * 4, "fractured": Y_TRUE, "y_score": Y_SCORE, "group": GROUP}
    rows["in_scope"] = [True] * 6 + [False, True]
    return pd.DataFrame(rows), pd.DataFrame({"hardware": list(hardware)}).replace("?", "")


def test_a_part_is_the_columns_of_its_radiographs() -> None:
    parts = evaluation.parts(*predictions("01010000"))
    assert list(parts) == ["val", "test", "test_in_scope", "test_without_hardware"]
    assert parts["test_in_scope"][2].tolist() == ["d", "d", "f"]
    assert [column.tolist() for column in parts["val"]] == [
        [True, True, True, False],
        [0.9, 0.8, 0.35, 0.6],
        ["a", "a", "b", "c"],
    ]


@pytest.mark.parametrize(
    ("hardware", "groups"),
    [("????0000", ["d", "d", "e", "f"]), ("00001000", ["d", "e", "f"]), ("0000??00", ["e", "f"])],
)
def test_without_hardware_means_known_to_have_none(hardware: str, groups: list[str]) -> None:
    *_, group = evaluation.parts(*predictions(hardware))["test_without_hardware"]
    assert group.tolist() == groups


@pytest.mark.parametrize("hardware", ["00000001", "0000????", "00001111"])
def test_there_is_no_such_part_of_one_class(hardware: str) -> None:
    assert "test_without_hardware" not in evaluation.parts(*predictions(hardware))


def test_calibration_and_points_come_from_the_same_radiographs() -> None:
    logits, weight = np.log(Y_SCORE / (1 - Y_SCORE)), np.ones(8)
    calibrated, points = evaluation.choose(
        logits, Y_TRUE, weight, method="platt", sensitivity=0.95, specificity=0.9
    )
    assert calibrated == calibration.fit(logits, Y_TRUE, weight)
    scores = calibrated.probability(logits)
    assert points == operating_points.choose(Y_TRUE, scores, sensitivity=0.95, specificity=0.9)
