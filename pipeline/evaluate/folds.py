"""The figures of a classifier over all folds: every group is scored by the network that never saw it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from pipeline.evaluate import decided, evaluation, net_benefit
from pipeline.statistics import delong, metrics, score_curves

COLUMNS = ("path", "group", "fold", "fractured", "y_score", "decision")


def join(folds: Sequence[pd.DataFrame], kept: pd.DataFrame) -> pd.DataFrame:
    """Join what each fold says of the radiographs that it tested.

    Parameters
    ----------
    folds
        Predictions of each fold on its test radiographs: ``path``, ``group``, ``fractured``, ``y_score``,
        ``decision``.
    kept
        The kept rows of the manifest: ``path``, ``group``.

    Returns
    -------
    DataFrame
        :data:`COLUMNS`, in the order of the paths.

    Raises
    ------
    ValueError
        A group is tested in two folds, or a radiograph in none, twice, or without standing in the manifest.
    """
    rows = pd.concat([own.assign(fold=number) for number, own in enumerate(folds)], ignore_index=True)
    times = rows["path"].value_counts().reindex(kept["path"], fill_value=0)
    strangers = rows.loc[~rows["path"].isin(kept["path"]), "path"].tolist()
    if wrong := [*times.index[times != 1], *strangers]:
        raise ValueError(
            f"every radiograph must be tested in one fold. Received: {len(wrong)} that are not, such as "
            f"{wrong[0]}. The folds were made of different data: run `fracture folds` again."
        )
    n_folds = rows.groupby("group")["fold"].nunique()
    if split := sorted(n_folds.index[n_folds > 1]):
        raise ValueError(f"every group must be tested in one fold. Received: {split[0]} in several.")
    return rows[list(COLUMNS)].sort_values("path", ignore_index=True)


def pool(rows: pd.DataFrame, *, n_samples: int, n_bins: int, seed: int) -> dict[str, Any]:
    """Score all folds as one set, and as the mean of the folds.

    Parameters
    ----------
    rows
        From :func:`join`. Probabilities are calibrated, and decisions made, by each fold on its own ``val``.
    n_samples, n_bins, seed
        As for :func:`pipeline.evaluate.decided.score`.

    Returns
    -------
    dict
        As from :func:`pipeline.evaluate.decided.score`; ``radiographs`` and ``folds``; ``fold_mean_auroc``
        with its interval, see :func:`mean_auroc`.
    """
    return {
        "radiographs": len(rows),
        "folds": rows["fold"].nunique(),
        **decided.score(rows, n_samples=n_samples, n_bins=n_bins, seed=seed),
        **mean_auroc(rows),
    }


def mean_auroc(rows: pd.DataFrame) -> dict[str, float]:
    """Mean of the folds' AUROCs, which compares scores of one network only, with its interval.

    The folds hold different groups, so that the variances of their AUROCs add up; each is DeLong's, by group.

    Returns
    -------
    dict of str to float
        ``fold_mean_auroc`` with ``_low`` and ``_high``; NaN where a fold has fewer than two groups
        of a class.

    References
    ----------
    LeDell, Petersen and van der Laan, Computationally efficient confidence intervals for cross-validated area
    under the ROC curve estimates, Electronic Journal of Statistics 9, 2015.
    https://doi.org/10.1214/15-EJS1035
    """
    parts = [evaluation.columns(own) for _, own in rows.groupby("fold")]
    mean = float(np.mean([metrics.auroc(y_true, y_score) for y_true, y_score, _ in parts]))
    try:
        variances = [
            delong.covariance(y_true, y_score[None], group)[1][0, 0] for y_true, y_score, group in parts
        ]
    except ValueError:  # too few groups of a class in one of them
        variances = [np.nan]
    reach = float(norm.ppf(0.975) * np.sqrt(np.sum(variances)) / len(parts))
    low, high = max(0.0, mean - reach), min(1.0, mean + reach)
    return {
        "fold_mean_auroc": mean,
        "fold_mean_auroc_low": low if np.isfinite(reach) else np.nan,
        "fold_mean_auroc_high": high if np.isfinite(reach) else np.nan,
    }


def curves(rows: pd.DataFrame, *, n_bins: int, n_samples: int, seed: int) -> dict[str, pd.DataFrame]:
    """Tabulate the curves of all folds as one set, as :func:`pipeline.evaluate.curves.tabulate` does."""
    y_true, y_score, group = evaluation.columns(rows)
    return {
        "roc": pd.DataFrame(score_curves.roc_curve(y_true, y_score)),
        "precision_recall": pd.DataFrame(score_curves.precision_recall_curve(y_true, y_score)),
        "reliability": pd.DataFrame(score_curves.reliability_curve(y_true, y_score, n_bins=n_bins)),
        "decision_curve": net_benefit.decision_curve(y_true, y_score, group, n_samples=n_samples, seed=seed),
    }
