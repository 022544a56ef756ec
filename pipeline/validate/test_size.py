"""Whether ``test`` holds enough groups of either class for figures that say something.

Beyond a width of 0.12 the interval of an AUROC of 0.9 reaches below 0.84: a model that ranks 10 pairs of 100
wrongly can then not be told from one that ranks 16 wrongly. From 55 groups of either class on, or 46 of the
rarer one beside many of the other, the interval is narrower: the default phantoms have more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.statistics import expected_width
from pipeline.validate import folds

WIDEST = 0.12  # of the 95 % interval of an AUROC of 0.9
EXPECTED_AUROC, EXPECTED_SENSITIVITY = 0.9, 0.95


def figures(kept: pd.DataFrame, split: str) -> dict[str, Any]:
    """Count the groups of ``test``, and how wide the intervals of its figures will be.

    Parameters
    ----------
    kept
        The kept files: ``group``, ``split``, ``fractured``.
    split
        How the split was made: ``validate.split``.

    Returns
    -------
    dict
        ``fractured_groups`` and ``other_groups`` of test; ``auroc_width`` at an AUROC of 0.9 and
        ``sensitivity_width`` at a sensitivity of 0.95, 95 %; ``too_few``: whether `warning` says
        so. One of several folds that are pooled is never too small.
    """
    counts = folds.n_groups(kept[kept["split"] == "test"])
    fractured, other = counts["fractured"], counts["not fractured"]
    width = expected_width.auroc_width(fractured, other, auroc=EXPECTED_AUROC)
    return {
        "fractured_groups": fractured,
        "other_groups": other,
        "auroc_width": width,
        "sensitivity_width": expected_width.share_width(fractured, share=EXPECTED_SENSITIVITY),
        "too_few": bool(width > WIDEST and split != "kfold"),
    }


def warning(test: Mapping[str, Any]) -> str:
    """Say that test is too small, what its figures will be worth, and what to do; else nothing."""
    if not test.get("too_few"):
        return ""
    fractured, other = test["fractured_groups"], test["other_groups"]
    groups = f"{fractured} group{'' if fractured == 1 else 's'} with a fracture and {other} without"
    return (
        f"test holds {groups}: the 95 % interval of an AUROC of {EXPECTED_AUROC:g} will be "
        f"{test['auroc_width']:.2f} wide on them, that of a sensitivity of {EXPECTED_SENSITIVITY:g} "
        f"{test['sensitivity_width']:.2f}. `fracture folds` tests every group once, and pools the answers."
    )
