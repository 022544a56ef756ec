"""Does the map show what was learnt? Lay it beside the map of a network that learnt nothing."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from pipeline.region_maps.asking import require_same_shape
from pipeline.types import BoolArray, FloatArray


def rank_correlation(map_a: FloatArray, map_b: FloatArray, inside: BoolArray | None = None) -> float:
    """Spearman's correlation of two maps over their pixels, -1..1; 0 where a map is constant.

    Between the map of a trained network and that of one with random weights it should be near 0:
    a map that survives randomisation shows the radiograph, not what was learnt.

    Parameters
    ----------
    map_a, map_b : float ndarray of shape (H, W)
    inside : bool ndarray of shape (H, W), optional
        The pixels that count.

    References
    ----------
    Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018.
    https://doi.org/10.48550/arXiv.1810.03292
    """
    require_same_shape(map_a, map_b)
    first, second = (map_a, map_b) if inside is None else (map_a[inside], map_b[inside])
    if not first.size or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second, axis=None).statistic)
