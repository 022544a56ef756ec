"""Splits in which a group never lies on both sides: tables in, tables out.

A group that lies whole in one published split stays there. One that crosses moves whole to where
its class lacks most, counted in groups, against the proportions as published.
"""

from __future__ import annotations

import pandas as pd

from pipeline.data.manifest import SPLITS

_SHOWN = 5  # groups listed in a message


def shares(files: pd.DataFrame) -> pd.DataFrame:
    """Tell how a group's files lie in the published splits.

    Parameters
    ----------
    files
        One row a file: ``group``, ``published_split``.

    Returns
    -------
    DataFrame
        One row a group, in the order of its name, one column a split: shares that sum to 1.
    """
    counts = pd.crosstab(files["group"], files["published_split"]).reindex(columns=list(SPLITS), fill_value=0)
    return counts.div(counts.sum(axis=1), axis=0)


def crossing(files: pd.DataFrame, split: str = "published_split") -> list[str]:
    """List the groups with files in more than one split, in order.

    Parameters
    ----------
    files
        One row a file: ``group`` and the column named by ``split``.
    """
    n_splits = files.groupby("group")[split].nunique()
    return sorted(n_splits[n_splits > 1].index)


def regroup(files: pd.DataFrame) -> pd.Series[str]:
    """Choose a split for every group.

    Parameters
    ----------
    files
        One row a file: ``group``, ``published_split``, ``fractured`` (bool).

    Returns
    -------
    Series of str
        The split by group. It depends on the rows' content, not on their order.
    """
    lying = shares(files)
    fractured = files.groupby("group")["fractured"].any().reindex(lying.index)
    chosen = lying.idxmax(axis=1)
    whole = lying.max(axis=1) == 1
    for _, members in lying.groupby(fractured):
        kept = members[whole[members.index]]
        deficit = members.sum() - kept.sum()
        for group in members.index[~whole[members.index]]:
            target = deficit.idxmax()
            chosen[group] = target
            deficit[target] -= 1
    return chosen


def keep(files: pd.DataFrame) -> pd.Series[str]:
    """Take every group's published split.

    Raises
    ------
    ValueError
        A group crosses the published splits; the message lists some with their files.
    """
    if groups := crossing(files):
        listed = []
        for group in groups[:_SHOWN]:
            members = files.loc[files["group"] == group]
            listed.append(f"  {group}: " + ", ".join(sorted(members["path"])[:_SHOWN]))
        raise ValueError(
            f"validate.split: keep needs published splits that share no group. Received: {len(groups)} that "
            "cross. Set validate.split: regroup, or remove the copies.\n" + "\n".join(listed)
        )
    return shares(files).idxmax(axis=1)


def check(files: pd.DataFrame) -> None:
    """Refuse splits on which nothing can be trained or measured.

    Parameters
    ----------
    files
        The kept files: ``group``, ``split``, ``fractured``.

    Raises
    ------
    ValueError
        A split lacks a class, or a group lies in two splits.
    """
    groups = files.drop_duplicates(["group", "split", "fractured"])
    n_groups = pd.crosstab(groups["split"], groups["fractured"])
    n_groups = n_groups.reindex(index=list(SPLITS), columns=[True, False], fill_value=0)
    for fractured, name in ((True, "fractured"), (False, "not fractured")):
        counts = n_groups[fractured]
        if not counts.all():
            raise ValueError(
                f"every split needs groups of both classes. Received {name} groups: {counts.to_dict()}. "
                f"Add independent {name} radiographs, or see what was left out and why: reports/validate."
            )
    if groups := crossing(files, "split"):
        raise ValueError(f"a group must lie in one split. Received: {', '.join(groups[:_SHOWN])} in several.")
