"""The answer of a study, learnt on val: from the ids that are known, and only from enough of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from pipeline.evaluate import studies
from pipeline.predict.recalibration import Targets

TARGETS = Targets(0.95, 0.9)


def rows(n_studies: int, n_views: int = 3, column: str = "study_id") -> tuple[pd.DataFrame, np.ndarray]:
    """Views of studies, half of them fractured in each view, with log-odds that are true of a view."""
    rng = np.random.default_rng(0)
    study = np.repeat(np.arange(n_studies), n_views)
    log_odds = rng.normal(-1, 2, len(study))
    fractured = rng.random(len(study)) < expit(log_odds)
    columns = {"fractured": fractured, "group": study.astype(str), column: study.astype(str)}
    return pd.DataFrame(columns, index=range(7, 7 + len(study))), log_odds


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


def test_studies_of_one_group_count_as_one() -> None:
    table, log_odds = rows(300)
    assert studies.fit(table.assign(group="all"), log_odds, TARGETS) is None
    halves = table.assign(group=(np.arange(len(table)) // 6).astype(str))
    assert studies.fit(halves, log_odds, TARGETS) is not None
