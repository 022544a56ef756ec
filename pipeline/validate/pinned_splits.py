"""Splits pinned by an earlier manifest: a group keeps what it was given there, however the data grow.

No rule that sees only the present files can promise that: when a copy links two radiographs that lay in two
splits, one of them has to move, and only history decides which. See docs/decisions/0006.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.dataset import tables
from pipeline.files.text import TextFault

log = logging.getLogger(__name__)


def read(path: Path) -> pd.DataFrame:
    """Read the splits and folds that an earlier manifest gave to the files that it kept.

    Any CSV with columns ``sha256`` and ``split`` will do; Data/none.manifest.csv stands for none.

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
        table = tables.measured(path, dtype="str")
    except (FileNotFoundError, TextFault) as error:
        cause = f"Received: {path}." if isinstance(error, FileNotFoundError) else error
        raise ValueError(
            f"validate.pinned_manifest must name a manifest. {cause} For none: Data/none.manifest.csv."
        ) from None
    if missing := sorted({"sha256", "split"} - set(table)):
        raise ValueError(f"{path} must be a manifest. Received: {list(table)}, without {', '.join(missing)}.")
    given = table[table["split"] != ""].set_index("sha256")
    if (other := given.index[~given.index.str.fullmatch("[0-9a-f]+")]).size:
        line = table.index[table["sha256"] == other[0]][0] + 2
        raise ValueError(
            f"{path}, line {line}, sha256: must be digits and letters from a to f. Received: {other[0]!r}. "
            "Take the manifest as `validate` wrote it."
        )
    if (twice := given.index[given.index.duplicated()]).size:
        raise ValueError(f"{path} must give a file one split. Received twice: {twice[0]}. Remove one row.")
    return given.reindex(columns=["split", "fold"], fill_value="")


def say(given: pd.DataFrame, present: Collection[str]) -> None:
    """Tell the terminal how many of the files are pinned, by their sha256; nothing where none could be."""
    if len(given):
        n_pinned = len(set(present) & set(given.index))
        level = logging.INFO if n_pinned else logging.WARNING
        log.log(level, "pinned manifest: it pins %d of %d files that are here", n_pinned, len(set(present)))


def pinned(files: pd.DataFrame, given: pd.Series[Any], order: Sequence[str]) -> pd.Series[Any]:
    """Look up the split or fold that is pinned for each group; new groups have none.

    Parameters
    ----------
    files
        One row a file: ``group``, ``sha256``.
    given
        The split, or the fold, by sha256.
    order
        What may be given. Where groups have merged, the first of these that one of them had: after
        ``train`` no file may be tested on, since a model may have learnt from it.

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
