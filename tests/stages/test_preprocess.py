"""What the stage says of the radiographs that it set right."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline.stages import preprocess


def index(n_negatives: int) -> pd.DataFrame:
    """Twenty radiographs, each a group of its own; the first half fractured, the first ones negatives."""
    rows = range(20)
    values = {"fractured": [row < 10 for row in rows], "inverted": [row < n_negatives for row in rows]}
    return pd.DataFrame(values | {"group": [f"g-{row}" for row in rows]})


def test_a_label_that_follows_negatives_is_named() -> None:
    (row,) = preprocess.negatives_and_label(index(8)).to_dict("records")
    assert (row["attribute"], row["value"], row["files"]) == ("negative", "yes", 8)
    assert row["fractured_share"] == 1
    assert row["difference"] == 1 - 2 / 12
    assert row["p_adjusted"] < 0.001


def test_without_negatives_there_is_nothing_to_follow() -> None:
    assert preprocess.negatives_and_label(index(0)).empty


def test_a_split_without_a_class_is_refused() -> None:
    rows = pd.DataFrame(
        [(split, has) for split in ("train", "val", "test") for has in (True, False)],
        columns=["split", "fractured"],
    )
    preprocess.require_both_classes(rows, Path("manifest.csv"))
    with pytest.raises(
        ValueError, match=r"manifest\.csv .*none of val/not fractured\. Run `dvc repro -f val"
    ):
        preprocess.require_both_classes(rows.drop(index=3), Path("manifest.csv"))
    with pytest.raises(ValueError, match="none of test/fractured, test/not fractured"):
        preprocess.require_both_classes(rows[:4], Path("manifest.csv"))
