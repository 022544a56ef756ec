"""Splits in which a group never lies on both sides: tables in, splits out.

Tables have one row a file: ``path``, ``group``, ``sha256``, ``published_split``, ``fractured``. A group lies
where its anchor was published: that of its files whose keyed hash is the smallest. So a group that was
published whole stays, the others share out as their files do, and nothing that is added elsewhere moves a
group. What an earlier manifest gave a group, it keeps; docs/decisions/0006 says why.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pandas as pd

from pipeline.config import Validate
from pipeline.dataset.layout import SPLITS
from pipeline.dataset.manifest import FOLD
from pipeline.validate import folds, pinned_splits

_MOST = 5  # groups listed in a message


def choose(files: pd.DataFrame, settings: Validate, manifest: pd.DataFrame | None = None) -> pd.DataFrame:
    """Give every group a split, by the settings.

    Parameters
    ----------
    manifest
        The pinned one; see `pinned_splits.read`. ``keep`` ignores it.

    Returns
    -------
    DataFrame
        One row a group: ``split``, and in k-fold ``fold`` as text.

    Raises
    ------
    ValueError
        ``keep`` meets a group that crosses the published splits, or k-fold a class with fewer groups than
        folds.
    """
    if settings.split == "keep":
        return keep(files).to_frame("split")
    if settings.split == "regroup":
        pinned = None if manifest is None else pinned_splits.pinned(files, manifest["split"], SPLITS)
        return regroup(files, pinned).to_frame("split")
    numbers = [str(number) for number in range(settings.folds)]
    pinned = None if manifest is None else pinned_splits.pinned(files, manifest["fold"], numbers)
    assigned = folds.assign_folds(files, settings.folds, pinned)
    split = folds.roles(assigned, settings.fold, settings.folds)
    return pd.DataFrame({"split": split, FOLD: assigned.astype("str")})


def crossing(files: pd.DataFrame, split: str = "published_split") -> list[str]:
    """List the groups with files in more than one split, by the column of that name, in order."""
    n_splits = files.groupby("group")[split].nunique()
    return sorted(n_splits[n_splits > 1].index)


def regroup(files: pd.DataFrame, pinned: pd.Series[Any] | None = None) -> pd.Series[Any]:
    """Choose a split for every group, each for itself; those that are pinned stay.

    Returns
    -------
    Series of str
        The split by group, in the order of the groups. It depends on the rows' content, not on their order.
    """
    keys = [_key(*file) for file in zip(files["sha256"], files["published_split"], strict=True)]
    anchors = files.assign(key=keys).sort_values("key").drop_duplicates("group")
    chosen = anchors.set_index("group")["published_split"].sort_index()
    return chosen if pinned is None else pinned.combine_first(chosen)[chosen.index]


def keep(files: pd.DataFrame) -> pd.Series[Any]:
    """Take every group's published split.

    Raises
    ------
    ValueError
        A group crosses the published splits; the message lists some with their files.
    """
    if groups := crossing(files):
        paths = files.sort_values("path").groupby("group")["path"]
        listed = [f"  {group}: {', '.join(paths.get_group(group)[:_MOST])}" for group in groups[:_MOST]]
        raise ValueError(
            f"validate.split: keep needs published splits that share no group. Received: {len(groups)} that "
            "cross. Set validate.split: regroup, or remove the copies.\n" + "\n".join(listed)
        )
    return files.groupby("group")["published_split"].first()


def check(files: pd.DataFrame) -> None:
    """Refuse splits of the kept files on which nothing can be trained or measured.

    Raises
    ------
    ValueError
        A split lacks a class, or a group lies in two splits.
    """
    groups = files.drop_duplicates(["group", "split", "fractured"])
    n_groups = pd.crosstab(groups["split"], groups["fractured"])
    n_groups = n_groups.reindex(index=list(SPLITS), columns=[True, False], fill_value=0)
    for fractured, name in ((True, "fractured"), (False, "not fractured")):
        if not (counts := n_groups[fractured]).all():
            raise ValueError(
                f"every split needs groups of both classes. Received {name} groups: {counts.to_dict()}. "
                f"Add independent {name} radiographs, or share out evenly what is there with "
                "validate.split: kfold."
            )
    if groups := crossing(files, "split"):
        raise ValueError(f"a group must lie in one split. Received: {', '.join(groups[:_MOST])} in several.")


def _key(sha256: str, published_split: str) -> bytes:
    """Order the files as by lot; the same bytes draw once for each split that they were published in."""
    return hashlib.sha256(f"{sha256} {published_split}".encode()).digest()
