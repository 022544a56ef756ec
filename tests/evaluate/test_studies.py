"""The answer of a study: learnt on val from the ids that are known, if there are enough; scored on test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from pipeline.evaluate import studies
from pipeline.predict import operating_points
from pipeline.predict.calibration import Calibration
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.recalibration import Fit, Targets

TARGETS = Targets(0.95, 0.9)
OF_STUDIES = Fit(Calibration(1.0, -1.0), OperatingPoints(0.3, 0.5))
SETTINGS = {"n_samples": 200, "n_bins": 1, "seed": 0}
VIEWS = [  # study, patient, fractured, group, probability, in scope
    ("a", "1", True, "g1", 0.7, True),
    ("b", "1", False, "g1", 0.5, True),
    ("a", "1", False, "g1", 0.2, True),
    ("b", "1", False, "g1", 0.1, True),
    ("c", "2", True, "g2", 0.65, True),
    ("", "3", False, "g3", 0.5, True),
    ("e", "4", False, "g4", 0.2, True),
    ("e", "4", False, "g4", 0.9, False),
    ("f", "5", True, "g5", 0.95, False),
    ("", "", False, "g6", 0.99, True),
]


def rows(n_studies: int, n_views: int = 3, column: str = "study_id") -> tuple[pd.DataFrame, np.ndarray]:
    """Views of studies, half of them fractured in each view, with log-odds that are true of a view."""
    rng = np.random.default_rng(0)
    study = np.repeat(np.arange(n_studies), n_views)
    log_odds = rng.normal(-1, 2, len(study))
    fractured = rng.random(len(study)) < expit(log_odds)
    columns = {"fractured": fractured, "group": study.astype(str), column: study.astype(str)}
    return pd.DataFrame(columns | {"in_scope": True}, index=range(7, 7 + len(study))), log_odds


def test_without_ids_or_with_few_studies_nothing_is_learnt() -> None:
    table, log_odds = rows(300)
    assert studies.fit(table.drop(columns="study_id"), log_odds, TARGETS) is None
    assert studies.fit(table.assign(study_id=""), log_odds, TARGETS) is None
    assert studies.fit(table[:60], log_odds[:60], TARGETS) is None
    assert studies.fit(*rows(300, 1), TARGETS) is None


@pytest.mark.parametrize("column", ["study_id", "patient_id"])
def test_what_is_learnt_is_calibrated_over_studies(column: str) -> None:
    table, log_odds = rows(2000, 3, column)
    fit = studies.fit(table, log_odds, TARGETS)
    assert fit is not None
    highest = pd.Series(log_odds, table.index).groupby(table[column]).max()
    fractured = table.groupby(column)["fractured"].max().to_numpy()
    probability = fit.calibration.probability(highest.to_numpy())
    assert probability.mean() == pytest.approx(fractured.mean(), abs=0.01)
    assert abs(expit(highest).mean() - fractured.mean()) > 0.05
    assert (probability >= fit.points.high_sensitivity)[fractured].mean() == pytest.approx(0.95, abs=0.01)
    assert (probability < fit.points.high_specificity)[~fractured].mean() == pytest.approx(0.9, abs=0.01)


def test_an_unknown_study_is_that_of_its_patient() -> None:
    table, log_odds = rows(300)
    by_patient = table.rename(columns={"study_id": "patient_id"}).assign(study_id="")
    assert studies.fit(by_patient, log_odds, TARGETS) == studies.fit(table, log_odds, TARGETS)
    alone = table.assign(study_id=np.arange(len(table)).astype(str), patient_id=table["study_id"])
    assert studies.fit(alone, log_odds, TARGETS) is None


def test_scores_out_of_scope_teach_nothing() -> None:
    table, log_odds = rows(300)
    last = np.arange(len(table)) % 3 == 2
    strange = table.assign(in_scope=~last, fractured=table["fractured"] & ~last)
    wild = np.where(last, 9.0, log_odds)
    assert studies.fit(strange, wild, TARGETS) == studies.fit(table[~last], log_odds[~last], TARGETS)
    assert studies.fit(table.assign(in_scope=np.arange(len(table)) % 3 == 0), log_odds, TARGETS) is None


def test_a_study_is_fractured_where_a_view_out_of_scope_is() -> None:
    table, log_odds = rows(400)
    last = np.arange(len(table)) % 3 == 2
    whole = table.groupby("study_id")["fractured"].transform("max")
    by_last = table.assign(in_scope=~last, fractured=whole & last)  # no view in scope shows the fracture
    by_all = table.assign(in_scope=~last, fractured=whole)
    assert studies.fit(by_last, log_odds, TARGETS) == studies.fit(by_all, log_odds, TARGETS) is not None


def test_studies_of_one_group_count_as_one() -> None:
    table, log_odds = rows(300)
    assert studies.fit(table.assign(group="all"), log_odds, TARGETS) is None
    halves = table.assign(group=(np.arange(len(table)) // 6).astype(str))
    assert studies.fit(halves, log_odds, TARGETS) is not None


def of_test() -> pd.DataFrame:
    """Radiographs of test, decided by 0.3 and 0.6."""
    columns = ["study_id", "patient_id", "fractured", "group", "y_score", "in_scope"]
    table = pd.DataFrame(VIEWS, columns=columns, index=range(3, 3 + len(VIEWS)))
    return table.assign(decision=operating_points.decide(table["y_score"], OperatingPoints(0.3, 0.6)))


def test_studies_are_answered_by_their_highest_view_in_scope_and_several_views_as_learnt() -> None:
    a, b = expit(np.log([0.7 / 0.3, 1.0]) - 1)  # 0.462 and 0.269
    assert studies.answered(of_test(), OF_STUDIES).to_numpy().tolist() == [
        [False, "g3", 1, 0.5, "needs review"],
        [True, "g1", 2, pytest.approx(a), "needs review"],  # the view alone: fracture
        [False, "g1", 2, pytest.approx(b), "no finding"],  # the view alone: needs review
        [True, "g2", 1, 0.65, "fracture"],
        [False, "g4", 1, 0.2, "no finding"],
        [True, "g5", 0, 0.95, "out of scope"],
    ]


def test_answers_to_studies_are_scored_as_they_are_given() -> None:
    own = studies.score(of_test(), OF_STUDIES, **SETTINGS)["test_by_study"]
    assert (own["studies"], own["several_views"], own["fractured"], own["groups"]) == (5, 2, 2, 4)
    assert (own["out_of_scope"], own["calibrated_on"]) == (1, "studies")
    assert own["auroc"] == pytest.approx(5 / 6)  # 0.462 and 0.65 against 0.269, 0.5 and 0.2
    sensitive, specific = own["high_sensitivity"], own["high_specificity"]
    assert (sensitive["sensitivity"], sensitive["specificity"]) == (1, pytest.approx(2 / 3))
    assert (specific["sensitivity"], specific["specificity"]) == (0.5, 1)
    assert own["needs_review"] == 2 / 5
    mean = (expit(np.log(0.7 / 0.3) - 1) + expit(-1) + 0.65 + 0.5 + 0.2) / 5
    assert own["ece"] == pytest.approx(abs(mean - 2 / 5))


def test_where_nothing_was_learnt_the_highest_view_is_scored() -> None:
    own = studies.score(of_test(), None, **SETTINGS)["test_by_study"]
    assert (own["calibrated_on"], own["several_views"], own["auroc"]) == ("highest view", 2, 1)
    assert own["high_sensitivity"]["specificity"] == pytest.approx(1 / 3)
    assert (own["high_specificity"]["sensitivity"], own["needs_review"]) == (1, 2 / 5)


def test_intervals_draw_the_studies_of_a_group_together() -> None:
    own = studies.score(of_test(), OF_STUDIES, **SETTINGS)["test_by_study"]
    # g1, of both classes, and g2 are always drawn; of g3 and g4 either twice. Only a view of g3 beats g1's.
    assert (own["auroc_low"], own["auroc_high"]) == (pytest.approx(2 / 3), 1)
    specific = own["high_sensitivity"]
    assert (specific["specificity_low"], specific["specificity_high"]) == (pytest.approx(1 / 3), 1)
    assert own["ece_low"] <= own["ece"] <= own["ece_high"]


def test_there_are_no_figures_of_studies_without_ids_or_of_one_class() -> None:
    table = of_test()
    of_one_class = table[~table["fractured"] | ~table["in_scope"]]
    for rows in (
        table.drop(columns=["study_id", "patient_id"]),
        table.assign(study_id="", patient_id=""),
        of_one_class,
    ):
        assert studies.score(rows, OF_STUDIES, **SETTINGS) == {}
