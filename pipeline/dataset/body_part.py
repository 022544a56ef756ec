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


def named(probability: NDArray[np.floating[Any]], known: Sequence[str]) -> list[str]:
    """Name the part of each of N radiographs, or say that it cannot be known: ``""``.

    Parameters
    ----------
    probability
        (N, K), as the network answers.
    known
        The K names.
    """
    if not known:
        return [UNKNOWN] * len(probability)
    sure = probability.max(axis=1) >= _SURE
    best = probability.argmax(axis=1)
    return [known[place] if is_sure else UNKNOWN for place, is_sure in zip(best, sure, strict=True)]


def score(labels: pd.Series, said: Sequence[str]) -> dict[str, float]:
    """Count how often a part was named, and how often rightly, among radiographs whose part is known.

    Returns
    -------
    dict
        ``radiographs``; ``named``, a share of them; ``right``, a share of those that were named. Empty
        where no part is known, without ``right`` where none was named.
    """
    known = labels.to_numpy(str) != UNKNOWN
    truth, found = labels.to_numpy(str)[known], np.asarray(said, str)[known]
    if not len(truth):
        return {}
    is_named = found != UNKNOWN
    right = {"right": float((found == truth)[is_named].mean())} if is_named.any() else {}
    return {"radiographs": len(truth), "named": float(is_named.mean()), **right}
