"""How far a classifier is above the shortcut baselines, which use no bone, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.statistics import delong, metrics
from pipeline.statistics.memorisation import NEAREST

_N_NAMED = 3


def beside_shortcuts(
    test: Mapping[str, Any],
    validated: Mapping[str, Any],
    predictions: pd.DataFrame,
    shortcut_scores: pd.DataFrame,
) -> dict[str, Any]:
    """``test`` with the gap to the best baseline, and ``best_null`` with the name and the AUROC of that one.

    Parameters
    ----------
    test
        Figures from :func:`pipeline.evaluate.evaluation.evaluate`.
    validated
        ``metrics.json`` of `validate`.
    predictions
        One row a radiograph of ``test``: ``path``, ``group``, ``fractured``, ``y_score``.
    shortcut_scores
        Of the same radiographs: ``path``, and a column for each baseline.

    Returns
    -------
    dict
        In ``test``, ``null_gap_auroc`` with ``_low`` and ``_high``: the difference of both AUROCs on the same
        files, 95 % by DeLong over groups. Without a baseline that could be scored there is no gap; with
        fewer than two groups of a class, no interval.

    Raises
    ------
    ValueError
        A radiograph has no score of the baselines: `validate` ran on other ones.
    """
    baselines = {name: figures["auroc"] for name, figures in validated["null"].items()}
    baselines[NEAREST] = validated["memorisation"]["clean"]["auroc"]
    return beside(test, baselines, predictions, shortcut_scores)


def beside(
    test: Mapping[str, Any],
    baselines: Mapping[str, float | None],
    predictions: pd.DataFrame,
    shortcut_scores: pd.DataFrame,
) -> dict[str, Any]:
    """:func:`beside_shortcuts`, where the AUROC of each baseline is known by its name."""
    name, auroc = best_shortcut(baselines) or (None, None)
    gap = {} if name is None else _gap(predictions, shortcut_scores.set_index("path")[name])
    return {"test": {**test, **gap}, "best_null": {"name": name, "auroc": auroc}}


def best_shortcut(baselines: Mapping[str, float | None]) -> tuple[str, float] | None:
    """Name and AUROC of the strongest baseline, or None where none could be scored."""
    scored = {name: auroc for name, auroc in baselines.items() if auroc is not None}
    return max(scored.items(), key=lambda item: item[1]) if scored else None


def _gap(predictions: pd.DataFrame, y_shortcut: pd.Series) -> dict[str, float]:
    if lacking := sorted({*predictions["path"]} - {*y_shortcut.index}):
        raise ValueError(
            "the shortcut baselines must have scored every radiograph of test. Received: no score of "
            f"{len(lacking)}: {', '.join(lacking[:_N_NAMED])}. `validate` ran on other ones: run `dvc repro`."
        )
    fractured, group = predictions["fractured"].to_numpy(bool), predictions["group"].to_numpy(str)
    y_score, beside = (
        predictions["y_score"].to_numpy(float),
        y_shortcut.loc[predictions["path"]].to_numpy(float),
    )
    if predictions.groupby("fractured")["group"].nunique().min() < 2:
        return {"null_gap_auroc": metrics.auroc(fractured, y_score) - metrics.auroc(fractured, beside)}
    apart = delong.compare(fractured, y_score, beside, group)
    return {
        "null_gap_auroc": apart.difference,
        "null_gap_auroc_low": apart.low,
        "null_gap_auroc_high": apart.high,
    }
