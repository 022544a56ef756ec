"""The part of the body that a radiograph shows: named where the network is sure, and how often rightly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COLUMN = "body_part"  # of data.labels
UNKNOWN = ""

_SURE = 0.8  # probability from which on a part is named


def named(probability: NDArray[np.floating[Any]], names: Sequence[str]) -> list[str]:
    """Name the part of each of N radiographs, or ``""`` where the network is not sure.

    Parameters
    ----------
    probability
        (N, K), by the network.
    names
        Those of the K parts.
    """
    if not names:
        return [UNKNOWN] * len(probability)
    sure = probability.max(axis=1) >= _SURE
    best = probability.argmax(axis=1)
    return [names[place] if is_sure else UNKNOWN for place, is_sure in zip(best, sure, strict=True)]


def score(labels: pd.Series, predicted: Sequence[str]) -> dict[str, float]:
    """Count how often a part was named, and how often rightly, among radiographs whose part is known.

    Returns
    -------
    dict
        ``radiographs``; ``named``, a share of them; ``right``, a share of those that were named. Empty
        where no part is known, without ``right`` where none was named.
    """
    labelled = labels.to_numpy(str) != UNKNOWN
    truth, part = labels.to_numpy(str)[labelled], np.asarray(predicted, str)[labelled]
    if not len(truth):
        return {}
    is_named = part != UNKNOWN
    right = {"right": float((part == truth)[is_named].mean())} if is_named.any() else {}
    return {"radiographs": len(truth), "named": float(is_named.mean()), **right}
