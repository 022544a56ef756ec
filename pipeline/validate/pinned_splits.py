"""Splits pinned by an earlier manifest: a group keeps what it was given there, however the data grow.

No rule that sees only the present files can promise that: when a copy links two radiographs that lay in two
splits, one of them has to move, and only history decides which. See docs/decisions/0006.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd


def read(path: Path) -> pd.DataFrame:
    """Read the splits and folds that an earlier manifest gave to the files that it kept.

    Parameters
    ----------
    path
        A manifest, or any CSV with columns ``sha256`` and ``split``; Data/none.manifest.csv for none.

    Returns
    -------
    DataFrame
        Indexed by sha256: ``split``, and ``fold``, which is empty unless it was split by k-fold.

    Raises
    ------
    ValueError
        The file is missing, lacks a column, or gives the same bytes twice.
    """
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
    except (FileNotFoundError, pd.errors.EmptyDataError):
        raise ValueError(
            f"validate.pinned_manifest must name a manifest. Received: {path}. "
            "For none: Data/none.manifest.csv."
        ) from None
    if missing := sorted({"sha256", "split"} - set(table)):
        raise ValueError(f"{path} must be a manifest. Received: {list(table)}, without {', '.join(missing)}.")
    given = table[table["split"] != ""].set_index("sha256")
    if (twice := given.index[given.index.duplicated()]).size:
        raise ValueError(f"{path} must give a file one split. Received twice: {twice[0]}. Remove one row.")
    return given.reindex(columns=["split", "fold"], fill_value="")


def pinned(files: pd.DataFrame, given: pd.Series[Any], order: Sequence[str]) -> pd.Series[Any]:
    """Look up the split or fold that is pinned for each group.

    Parameters
    ----------
    files
        One row a file: ``group``, ``sha256``.
    given
        The split, or the fold, by sha256.
    order
        What may be given. Where groups have merged, the first of these that one of them had: after
        ``train`` no file may be tested on, since a model may have learnt from it.

    Returns
    -------
    Series of str
        By group, in the order of the groups; without those that are new.

    Raises
    ------
    ValueError
        Something else was given.
    """
    if other := sorted(set(given[given != ""]) - set(order)):
        raise ValueError(
            f"the pinned manifest may give {', '.join(order)}. Received: {other[0]!r}. "
            "Set validate.folds as it was then, or validate.pinned_manifest: Data/none.manifest.csv."
        )
    rank = files["sha256"].map(given).map({name: number for number, name in enumerate(order)})
    first = rank.groupby(files["group"]).min().dropna()
    return first.map(dict(enumerate(order)))
