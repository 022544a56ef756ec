"""How wide the interval of a figure will be, before anything is trained: by the number of groups alone."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import beta, binom, norm


def auroc_width(n_fractured: int, n_other: int, *, auroc: float = 0.9) -> float:
    """Width of the 95 % interval of an AUROC on so many groups of either class.

    Parameters
    ----------
    n_fractured, n_other : int
        Independent groups with and without a fracture.
    auroc : float
        The AUROC that is expected, 0.5..1.

    Returns
    -------
    float
        At most 1; 1 where a class is missing.

    References
    ----------
    Hanley and McNeil, The meaning and use of the area under a receiver operating characteristic
    (ROC) curve, Radiology 143, 1982 (the standard error, with their exponential model for Q1 and Q2).
    https://doi.org/10.1148/radiology.143.1.7063747
    """
    if min(n_fractured, n_other) < 1:
        return 1.0
    fractured_above, other_below = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    spread = auroc * (1 - auroc)
    spread += (n_fractured - 1) * (fractured_above - auroc**2) + (n_other - 1) * (other_below - auroc**2)
    error = math.sqrt(spread / (n_fractured * n_other))
    return min(1.0, 2 * float(norm.ppf(0.975)) * error)


def share_width(n_groups: int, *, share: float = 0.95) -> float:
    """Mean width of a share's exact 95 % interval, say a sensitivity's, over what so many groups may show.

    Parameters
    ----------
    n_groups : int
        Independent groups of the class that is counted.
    share : float
        The share that is expected, in 0..1.

    Returns
    -------
    float
        At most 1; 1 without a group.

    References
    ----------
    Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the
    binomial, Biometrika 26, 1934. https://doi.org/10.1093/biomet/26.4.404
    """
    if n_groups < 1:
        return 1.0
    hits, tail = np.arange(n_groups + 1), (1 - 0.95) / 2
    low = np.where(hits > 0, beta.ppf(tail, np.maximum(hits, 1), n_groups - hits + 1), 0.0)
    high = np.where(hits < n_groups, beta.ppf(1 - tail, hits + 1, np.maximum(n_groups - hits, 1)), 1.0)
    return float(binom.pmf(hits, n_groups, share) @ (high - low))
