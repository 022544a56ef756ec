"""A split for each radiograph: as published where the source has one, else by patient, study or file.

Groups go in an order drawn by a fixed seed, see `pipeline.validate.folds.deal`: equal sources, equal splits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from pipeline.dataset.layout import SPLITS
from pipeline.importing.record import Record, shown
from pipeline.validate import folds

SHARES: Mapping[str, float] = {"train": 0.70, "val": 0.15, "test": 0.15}
_SEED = "7"
_TAKEN = 0.15  # of the groups of train, where one other split is missing


def splits(records: Sequence[Record], root: Path) -> tuple[list[str], str]:
    """Give each radiograph a split.

    Parameters
    ----------
    root
        The source's folder, so that the split does not depend on where that lies.

    Returns
    -------
    splits : list of str
        In the order of the records. Radiographs of one patient, or of one study where no patient is known,
        lie in one, as far as the source itself does not divide them.
    how : str
        What was done, for the terminal.
    """
    table = pd.DataFrame(
        {
            "group": [_group(record, root) for record in records],
            "fractured": [record.fractured for record in records],
            "split": [record.split for record in records],
        }
    )
    published = {*table["split"]} - {""}
    by = (
        "patient"
        if any(r.patient or r.group for r in records)
        else "study"
        if any(r.study for r in records)
        else "file"
    )
    if "train" not in published or len(published) == 1:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in SHARES.items())
        return _dealt(table.assign(split=""), SHARES), f"made by {by}: {shares}"
    how = "as published"
    if lacking := [name for name in SPLITS if name not in published]:
        table["split"] = _without(table, lacking[0])
        how += f", {lacking[0]} taken from train by {by} ({_TAKEN:.0%})"
    if (table["split"] == "").any():
        n_groups = table[table["split"] != ""].groupby("split")["group"].nunique()
        how += f"; {int((table['split'] == '').sum())} radiographs without a split in like shares, by {by}"
        return _dealt(table, {name: float(n_groups[name]) for name in SPLITS}), how
    return list(table["split"]), how


def _without(table: pd.DataFrame, lacking: str) -> pd.Series[str]:
    """Take a split that the source lacks from its groups of train."""
    train = table[table["split"] == "train"].assign(split="")
    taken = pd.Series(_dealt(train, {"train": 1 - _TAKEN, lacking: _TAKEN}), index=train.index)
    return taken.combine_first(table["split"])


def _dealt(table: pd.DataFrame, shares: Mapping[str, float]) -> list[str]:
    """Fill in the splits that are empty, whole groups at a time; a group that has one keeps to it."""
    names = list(shares)
    given = table[table["split"] != ""].drop_duplicates("group").set_index("group")["split"]
    part = folds.deal(table, list(shares.values()), given.map(names.index))
    dealt = table["group"].map(part).map(lambda place: names[place])
    return list(table["split"].where(table["split"] != "", dealt))


def _group(record: Record, root: Path) -> str:
    """Name the group of a radiograph, in the order of a lot."""
    key = record.group or record.patient or record.study or shown(record.file, root)
    return hashlib.sha256(f"{_SEED} {key}".encode("utf-8", "surrogateescape")).hexdigest()
