"""What turns the highest answer of a study's views into its answer, learnt on ``val`` or at a site.

The highest of several probabilities is too high a probability: more views are more chances of a high one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.dataset.labels import JOINING
from pipeline.evaluate.recalibration import missing
from pipeline.predict import recalibration
from pipeline.predict.calibration import Calibration
from pipeline.predict.recalibration import Fit, Targets
from pipeline.types import Float64Array


def fit(rows: pd.DataFrame, log_odds: Float64Array, targets: Targets) -> Fit | None:
    """Fit calibration and thresholds to the highest views of the studies of several views.

    A study is what has one ``study_id`` or, where that is empty, one ``patient_id``. It is fractured where
    one of its views is; studies of one group together count as one.

    Parameters
    ----------
    rows
        One row a radiograph: ``fractured``, ``group`` and, where known, the ids.
    log_odds : float64 ndarray of shape (N,)
        Of the calibrated probabilities.
    targets
        What the thresholds are to reach.

    Returns
    -------
    Fit or None
        None where there are fewer studies than :func:`pipeline.evaluate.recalibration.missing` asks for.
    """
    table = rows[["fractured", "group"]].assign(study=_ids(rows), log_odds=log_odds)
    by_study = table[table["study"] != ""].groupby("study")
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


def _ids(rows: pd.DataFrame) -> pd.Series[str]:
    """Name the study of each radiograph; empty where it is not known."""
    known = pd.Series("", rows.index)
    for column in reversed(JOINING):
        own = rows[column].fillna("") if column in rows else pd.Series("", rows.index)
        known = known.where((known != "") | (own == ""), f"{column} " + own)
    return known
