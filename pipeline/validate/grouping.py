"""From facts about files to the manifest: copies, label conflicts, groups, splits, weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Validate
from pipeline.dataset.ids import JOINING
from pipeline.dataset.manifest import KEPT, QUARANTINED, REDUNDANT, STATUSES
from pipeline.files import engine, faults
from pipeline.files.faults import Issue
from pipeline.types import BoolArray
from pipeline.validate import duplicates, learnt_in_test, splits
from pipeline.validate.copies.files import find
from pipeline.validate.scan import Fact

_MOST = 5  # files listed in a message
_EXAMPLES = 3  # of each reason


@dataclass(frozen=True)
class Grouped:
    """The files, grouped and split.

    Attributes
    ----------
    files
        One row a file in the order of the facts: the manifest's columns, those of the labels,
        and ``n_bytes``.
    label_conflicts
        Number of radiographs under both labels.
    copies
        The pairs that are copies; see `copies.files.Copies`.
    crossing_published
        Groups whose files lie in several published splits.
    left_test
        Groups that a released model learnt from, and that would be tested without it.
    """

    files: pd.DataFrame
    issues: list[Issue]
    label_conflicts: int
    copies: pd.DataFrame
    crossing_published: Sequence[str] = ()
    left_test: Sequence[str] = ()

    @property
    def kept(self) -> pd.DataFrame:
        """The files that are used, with the index that they have among all."""
        return self.files[self.files["status"] == KEPT]


def group(
    facts: Sequence[Fact],
    labels: pd.DataFrame,
    settings: Validate,
    pinned: pd.DataFrame | None = None,
    pool: engine.Pool = engine.HERE,
    learnt: BoolArray | None = None,
) -> Grouped:
    """Find the copies, refuse contradictions, and give every group one split.

    Parameters
    ----------
    facts
        One a file, in the order of their paths.
    labels
        Further columns, indexed by path; see `labels.read`.
    pinned
        The pinned manifest; see `pinned_splits.read`.
    pool
        What compares copies.
    learnt
        bool, shape (n_files,): what the release learnt from that training starts from, if it does; none of
        it is tested. See `learnt_in_test`.

    Raises
    ------
    ValueError
        A radiograph stands under both labels and ``label_conflict`` is ``fail``, groups cross the
        published splits and ``split`` is ``keep``, what was learnt from may not leave ``test``, or a split
        lacks a class.
    """
    joined = join(facts, labels, settings, pool)
    try:
        crossing_published, left_test = _split(joined.files, settings, pinned, learnt)
    except ValueError as error:
        raise ValueError(f"{error}{left_out(joined.files)}") from None
    issues = [*joined.issues, *_crossings(joined.files, crossing_published)]
    return replace(joined, issues=issues, crossing_published=crossing_published, left_test=left_test)


def join(
    facts: Sequence[Fact], labels: pd.DataFrame, settings: Validate, pool: engine.Pool = engine.HERE
) -> Grouped:
    """Find the copies and refuse contradictions, as `group` does, but give no split.

    Raises
    ------
    ValueError
        No file is readable, or a radiograph stands under both labels and ``label_conflict`` is ``fail``.
    """
    files = _tabulate(facts).join(labels, on="path")
    readable = (files["status"] == KEPT).to_numpy()
    if not readable.any():
        raise ValueError(
            f"the folder must hold readable radiographs. Received: {len(files)} files, none sound."
            f"{left_out(files)}"
        )
    copies = find([fact for fact in facts if not fact.reason], settings, pool)
    conflicts = _conflicts(files[readable], copies.numbers, settings)
    files.loc[readable, "group"] = _names(files[readable], copies.numbers)
    in_conflict = files["path"].isin([issue.path for issue in conflicts])
    files.loc[in_conflict, ["status", "reason"]] = [QUARANTINED, "label_conflict"]
    again = files["sha256"].where(files["status"] == KEPT).duplicated() & (files["status"] == KEPT)
    files.loc[again, ["status", "reason"]] = [REDUNDANT, "byte_copy"]
    n_conflicts = len(set(copies.numbers[in_conflict[readable].to_numpy()]))
    return Grouped(files, [*conflicts, *_byte_copies(files)], n_conflicts, copies.table)


def counts(grouped: Grouped) -> dict[str, int]:
    """Count files by status, groups, and those that cross splits; the keys stand in ``metrics.json``."""
    status = grouped.files["status"].value_counts()
    return {
        "files": len(grouped.files),
        **{name: int(status.get(name, 0)) for name in STATUSES},
        "groups": int(grouped.kept["group"].nunique()),
        "groups_crossing_published_splits": len(grouped.crossing_published),
        "groups_crossing_splits": len(splits.crossing(grouped.kept, "split")),
        "label_conflicts": grouped.label_conflicts,
    }


def left_out(files: pd.DataFrame) -> str:
    """Say what was left out and why, for a message: each reason with its meaning and some of its files."""
    lines = [
        f"\n  {len(same)} {reason}: {faults.meaning(str(reason))}: {', '.join(same['path'][:_EXAMPLES])}"
        for reason, same in files[files["status"] == QUARANTINED].groupby("reason")
    ]
    return "\nLeft out:" + "".join(lines) if lines else ""


def _tabulate(facts: Sequence[Fact]) -> pd.DataFrame:
    left_out = {"issues", "thumbnail", "features", "squared", "border", "markers"}
    rows = [{key: value for key, value in vars(fact).items() if key not in left_out} for fact in facts]
    files = pd.DataFrame(rows)
    sizes = files[["height_px", "width_px"]].astype("Int64")
    files[["height_px", "width_px"]] = sizes.mask(sizes == 0)
    status = np.where(files["reason"] == "", KEPT, QUARANTINED)
    tabulated = files.assign(status=status, split="", group="", sampling_weight=0.0)
    return tabulated.astype({"status": "str", "split": "str", "group": "str"})


def _conflicts(readable: pd.DataFrame, copies: NDArray[np.int64], settings: Validate) -> list[Issue]:
    """List every copy of a radiograph that stands under both labels."""
    issues = []
    both = readable.groupby(copies)["fractured"].transform("nunique") == 2
    for _, same in readable[both].groupby(copies[both]):
        for row in same.itertuples():
            others = ", ".join(same.loc[same["fractured"] != row.fractured, "path"])
            issues.append(Issue.of(row.path, "label_conflict", f"other label: {others}"))
    if issues and settings.label_conflict == "fail":
        listed = "\n".join(f"  {issue.path}: {issue.detail}" for issue in issues[:_MOST])
        raise ValueError(
            f"a radiograph must have one label. Received: {len(issues)} files that contradict their copies. "
            f"Correct them, or set validate.label_conflict: quarantine.\n{listed}"
        )
    return issues


def _names(readable: pd.DataFrame, copies: NDArray[np.int64]) -> NDArray[np.str_]:
    """Join copies, patients and studies; a group is named by the smallest hash of its files."""
    joining = [duplicates.equal_pairs(list(readable[key])) for key in JOINING if key in readable]
    same_copy = duplicates.equal_pairs([str(number) for number in copies])
    numbers = duplicates.components(len(readable), same_copy, *joining)
    smallest = readable["sha256"].groupby(numbers).transform("min")
    return np.asarray("g-" + smallest.str[:12], dtype=np.str_)


def _split(
    files: pd.DataFrame, settings: Validate, pinned: pd.DataFrame | None, learnt: BoolArray | None
) -> tuple[Sequence[str], Sequence[str]]:
    """Fill in split, fold and sampling weight; return the groups that crossed, and those that left test."""
    usable = files[files["status"] != QUARANTINED]
    kept = files["status"] == KEPT
    groups = files.loc[kept, "group"]
    suspected = None if learnt is None else pd.Series(learnt, files.index)
    chosen = learnt_in_test.choose(usable, settings, pinned, suspected)
    for column, values in chosen.splits.items():
        files[column] = groups.map(values).reindex(files.index, fill_value="")
    files.loc[kept, "sampling_weight"] = 1 / groups.map(groups.value_counts())
    learnt_in_test.check(files[kept], chosen.left)
    return splits.crossing(usable), chosen.left


def _byte_copies(files: pd.DataFrame) -> list[Issue]:
    first = files[files["status"] == KEPT].set_index("sha256")["path"]
    again = files[files["status"] == REDUNDANT]
    return [
        Issue.of(row.path, "byte_copy", f"the same bytes as {first[row.sha256]}")
        for row in again.itertuples()
    ]


def _crossings(files: pd.DataFrame, crossing: Sequence[str]) -> list[Issue]:
    """One issue for each file of a group that several published splits share."""
    shared = files[files["group"].isin(crossing) & (files["status"] != QUARANTINED)]
    published = shared.groupby("group")["published_split"].agg(lambda names: ", ".join(sorted(set(names))))
    return [
        Issue.of(row.path, "crosses_splits", f"{row.group} was published in {published[row.group]}")
        for row in shared.itertuples()
    ]
