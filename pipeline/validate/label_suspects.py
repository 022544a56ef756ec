"""Radiographs whose label a cheap probe doubts, listed for a person to look at; nothing acts on them.

The probe is weak. On FracAtlas it reaches AUROC 0.79; where one label in twenty was flipped on purpose, two
in three of the 1 % most suspicious were flipped ones: docs/how-to/label-errors.md. The others are
radiographs that are hard for it. An empty list does not prove the labels right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.files.faults import Issue
from pipeline.statistics import forests, probe
from pipeline.validate import folds, label_errors
from pipeline.validate.scan import Fact

_NAMES = {True: "fractured", False: "not fractured"}


def find(kept: pd.DataFrame, facts: Sequence[Fact], max_share: float, seed: int) -> list[Issue]:
    """List the likely wrong labels, a group's copies of one label as one.

    Parameters
    ----------
    kept
        The kept rows of the manifest, indexed by their place among the facts.
    max_share
        At most this share of the labels is listed, 0 to 1; 0 spares the probe.
    """
    if min(folds.n_groups(kept).values()) < 2 or max_share == 0:
        return []
    labels = _labels(kept.assign(y_score=_scores(kept, facts, seed)))
    fractured, y_score = labels["fractured"].to_numpy(np.bool_), labels["y_score"].to_numpy(np.float64)
    labels["quality"] = label_errors.quality(fractured, y_score)
    chosen = labels.iloc[label_errors.suspects(fractured, y_score, max_share)]
    return [_issue(rank, row) for rank, row in enumerate(chosen.itertuples(), 1)]


def _issue(rank: int, row: Any) -> Issue:
    copies = f" with {row.n_files - 1} copies" if row.n_files > 1 else ""
    detail = f"number {rank} to look at: labelled {_NAMES[row.fractured]}{copies}, "
    detail += f"which a weak probe gives a probability of {row.quality:.3f}"
    return Issue.of(row.path, "label_suspect", detail)


def _scores(kept: pd.DataFrame, facts: Sequence[Fact], seed: int) -> NDArray[np.float64]:
    """Score each radiograph by trees that learnt from none of its group."""
    features = probe.edge_histograms(np.stack([facts[row].thumbnail for row in kept.index]))
    fractured, group = kept["fractured"].to_numpy(np.bool_), kept["group"].to_numpy(str)
    return forests.out_of_bag(features, fractured, group, seed)


def _labels(scored: pd.DataFrame) -> pd.DataFrame:
    """One row a group and label: its first file, how many there are, their mean score."""
    return scored.groupby(["group", "fractured"], as_index=False).agg(
        path=("path", "first"), n_files=("path", "size"), y_score=("y_score", "mean")
    )
