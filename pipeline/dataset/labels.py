"""The user's columns beyond the folders: patient, study, body part, ..., keyed by path."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from pipeline.dataset.manifest import COLUMNS, FOLD, NOT_RADIOGRAPH
from pipeline.files.faults import Issue

JOINING = ("patient_id", "study_id")  # rows that share one of these lie in one group


def user_columns(frame: pd.DataFrame, besides: Collection[str] = ()) -> pd.DataFrame:
    """Select the columns of ``data.labels``, as text, from a manifest or a table made from one.

    Names of patients and studies are left out.

    Parameters
    ----------
    frame
        The manifest's columns, and others.
    besides
        Columns that are neither the manifest's nor the user's.
    """
    own = {*COLUMNS, FOLD, *JOINING, *besides}
    return frame[[column for column in frame if column not in own]].astype("str")


def read(path: Path, paths: Collection[str]) -> tuple[pd.DataFrame, list[Issue]]:
    """Read ``data.labels``.

    Parameters
    ----------
    path
        A CSV with a column ``path``; Data/none.csv for none.
    paths
        Of the files in ``data.root``.

    Returns
    -------
    labels : DataFrame
        One row a path, indexed by it: every further column as text, empty where unknown.
    issues : list of Issue
        Rows of unknown files, and columns that the manifest has of its own.

    Raises
    ------
    ValueError
        The file is missing, has no column ``path``, or names a path twice.
    """
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
    except (FileNotFoundError, pd.errors.EmptyDataError):
        raise ValueError(
            f"data.labels must name a CSV with a column `path`. Received: {path}. For none: Data/none.csv."
        ) from None
    if "path" not in table:
        raise ValueError(f"{path} must have a column `path`. Received: {list(table)}.")
    if (twice := table.loc[table["path"].duplicated(), "path"]).size:
        raise ValueError(f"{path} must name a path once. Received twice: {twice.iloc[0]!r}. Remove one row.")
    reserved = [column for column in table if column in {*COLUMNS, FOLD, NOT_RADIOGRAPH} - {"path"}]
    issues = [
        Issue.of("", "label_reserved_column", f"column {column!r} is the manifest's own: not carried")
        for column in reserved
    ]
    unknown = table.loc[~table["path"].isin(paths), "path"]
    issues += [Issue.of(name, "label_unknown_file", f"{path.name} names no file") for name in unknown]
    labels = table.drop(columns=reserved).set_index("path")
    return labels.reindex(sorted(paths), fill_value=""), issues
