"""What a linear model predicts of radiographs when it learnt from none of their groups."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline.types import AnyArray, BoolArray, Float64Array

_FOLDS = 5


def logistic_scores(
    values: Float64Array, fractured: BoolArray, group: AnyArray, *, seed: int
) -> Float64Array:
    """Score each radiograph by a logistic regression on the radiographs of other groups.

    The classes weigh alike, so that the folds' models share one level and their scores one order.

    Parameters
    ----------
    values : float64 ndarray of shape (N, K)
    fractured : bool ndarray of shape (N,)
    group : ndarray of shape (N,), int or str
        No group is learnt from and scored by one model.
    seed : int
        Of the five folds; fewer where a class has fewer groups.

    Returns
    -------
    float64 ndarray of shape (N,)
        Probability of a fracture, 0..1.

    Raises
    ------
    ValueError
        A class has fewer than two groups.

    References
    ----------
    Stone, Cross-validatory choice and assessment of statistical predictions, Journal of the Royal
    Statistical Society B 36, 1974. https://doi.org/10.1111/j.2517-6161.1974.tb00994.x
    """
    n_groups = [len(np.unique(group[has])) for has in (fractured, ~fractured)]
    if min(n_groups) < 2:
        raise ValueError(
            f"both classes need two groups. Received: {n_groups[0]} fractured, {n_groups[1]} not."
        )
    folds = StratifiedGroupKFold(min(_FOLDS, *n_groups), shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    scores = cross_val_predict(model, values, fractured, groups=group, cv=folds, method="predict_proba")
    return np.asarray(scores[:, 1], dtype=np.float64)
