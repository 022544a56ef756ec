"""What turns the highest answer of a study's views into its answer, and how good such answers are.

The highest of several probabilities is too high a probability: more views are more chances of a high one.
What mends that is learnt on ``val``, or at a site.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.dataset.ids import JOINING
from pipeline.evaluate import decided
from pipeline.evaluate.evaluation import IN_SCOPE
from pipeline.evaluate.recalibration import missing
from pipeline.predict import recalibration, studies
from pipeline.predict.calibration import Calibration
from pipeline.predict.operating_points import OUT_OF_SCOPE
from pipeline.predict.recalibration import Fit, Targets
from pipeline.types import Float64Array


def fit(rows: pd.DataFrame, log_odds: Float64Array, targets: Targets) -> Fit | None:
    """Fit calibration and thresholds to the highest views of the studies of several views in scope.

    Scores out of scope count nowhere, as in an answer. A study is what has one ``study_id`` or, where that is
    empty, one ``patient_id``. It is fractured where one of its views is, in scope or not; studies of one
    group together count as one.

    Parameters
    ----------
    rows
        One row a radiograph: ``fractured``, ``group``, ``in_scope`` and, where known, the ids.
    log_odds : float64 ndarray of shape (N,)
        Of the calibrated probabilities.
    targets
        What the thresholds are to reach.

    Returns
    -------
    Fit or None
        None where there are fewer studies than :func:`pipeline.evaluate.recalibration.missing` asks for.
    """
    table = rows[["fractured", "group", IN_SCOPE]].assign(study=_ids(rows), log_odds=log_odds)
    table = table[table["study"] != ""]
    table["fractured"] = table.groupby("study")["fractured"].transform("max")
    by_study = table[table[IN_SCOPE]].groupby("study")
    several = by_study.filter(lambda views: len(views) > 1).groupby("study")
    found = several.agg(fractured=("fractured", "max"), group=("group", "first"), highest=("log_odds", "max"))
    truth, group = found["fractured"].to_numpy(bool), found["group"]
    counts = {"all": group.nunique(), "fractured": group[truth].nunique(), "other": group[~truth].nunique()}
    if missing(counts, targets):
        return None
    weight = 1 / group.map(group.value_counts()).to_numpy(np.float64)
    return recalibration.from_labels(
        found["highest"].to_numpy(np.float64), truth, weight, None, Calibration(1.0), targets
    )


def score(
    rows: pd.DataFrame, of_studies: Fit | None, *, n_samples: int, n_bins: int, seed: int
) -> dict[str, Any]:
    """Score the answers to whole studies, as `predict` gives them.

    Parameters
    ----------
    rows
        One a radiograph of test, as for :func:`answered`.
    of_studies
        From :func:`fit`.
    n_samples, n_bins, seed
        As for :func:`pipeline.evaluate.decided.score`.

    Returns
    -------
    dict
        ``test_by_study``: the figures of :func:`pipeline.evaluate.decided.score`; the number of ``studies``
        behind them, and of those with ``several_views`` in scope; ``out_of_scope``, how many more have no
        view in scope, hence no decision, and count nowhere; ``calibrated_on``, as in an answer to several
        views. Empty where no id is known, or the studies are of one class.
    """
    answers = answered(rows, of_studies)
    given = answers[answers["decision"] != OUT_OF_SCOPE]
    if given["fractured"].nunique() < 2:
        return {}
    counts = {
        "studies": len(given),
        "several_views": int((given["views"] > 1).sum()),
        "out_of_scope": len(answers) - len(given),
        "calibrated_on": studies.OF_VIEW if of_studies is None else studies.OF_STUDIES,
    }
    return {"test_by_study": counts | decided.score(given, n_samples=n_samples, n_bins=n_bins, seed=seed)}


def answered(rows: pd.DataFrame, of_studies: Fit | None) -> pd.DataFrame:
    """Answer each study of which an id is known, as :func:`fit` tells studies apart.

    Parameters
    ----------
    rows
        One row a radiograph: ``fractured``, ``group``, ``y_score`` (not rounded), ``decision``, ``in_scope``
        and, where known, the ids.

    Returns
    -------
    DataFrame
        One row a study: ``fractured``, ``group``, the number of ``views`` in scope, ``y_score``,
        ``decision``.
    """
    known = rows.assign(study=_ids(rows), decision=rows["decision"].where(rows[IN_SCOPE], OUT_OF_SCOPE))
    found = []
    for _, views in known[known["study"] != ""].groupby("study"):
        answer = studies.answer(views["y_score"].tolist(), views["decision"].tolist(), of_studies)
        of_views = (views["fractured"].any(), views["group"].iloc[0], views[IN_SCOPE].sum())
        found.append((*of_views, answer.probability, answer.decision))
    return pd.DataFrame(found, columns=["fractured", "group", "views", "y_score", "decision"])


def _ids(rows: pd.DataFrame) -> pd.Series[str]:
    """Name the study of each radiograph; empty where it is not known."""
    known = pd.Series("", rows.index)
    for column in reversed(JOINING):
        own = rows[column].fillna("") if column in rows else pd.Series("", rows.index)
        known = known.where((known != "") | (own == ""), f"{column} " + own)
    return known
