"""Labels that a classifier which was not trained on them contradicts: the likely wrong ones first.

References
----------
C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", Journal of
Artificial Intelligence Research 70 (2021), doi 10.1613/jair.1.12125; by the package cleanlab.
"""

from __future__ import annotations

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray


def quality(fractured: NDArray[np.bool_], y_score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the probability of each label as it stands.

    Parameters
    ----------
    fractured
        bool, shape (n_radiographs,): the labels.
    y_score
        float64, shape (n_radiographs,): probability of a fracture, by a classifier trained without
        the radiograph and its group.

    Returns
    -------
    ndarray of float64, shape (n_radiographs,)
        0 to 1, lower is more suspicious.
    """
    return np.asarray(get_label_quality_scores(fractured.astype(int), _probabilities(y_score)), np.float64)


def suspects(
    fractured: NDArray[np.bool_], y_score: NDArray[np.float64], max_share: float
) -> NDArray[np.int64]:
    """List the labels that are likely wrong, the most suspicious first.

    Parameters are those of `quality`, and the share of the radiographs that is listed at most, 0 to 1.

    Returns
    -------
    ndarray of int64, shape (n_suspects,)
        Rows; none where a class has fewer than two radiographs.
    """
    n_listed = int(max_share * len(fractured))
    if n_listed == 0 or np.bincount(fractured, minlength=2).min() < 2:
        return np.zeros(0, np.int64)
    rows = find_label_issues(
        fractured.astype(int), _probabilities(y_score), return_indices_ranked_by="self_confidence", n_jobs=1
    )
    return np.asarray(rows, dtype=np.int64)[:n_listed]


def _probabilities(y_score: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([1 - y_score, y_score])
