"""What a released model learnt from, kept out of ``test`` where a training starts from that model.

Figures on such radiographs would flatter: the network has seen them, or copies of them. Hashes alone say
which they are (`learnt_hashes`): equal bytes for certain, perceptual hashes perhaps. A group of which one
file is suspected leaves ``test`` whole. In k-fold, where every group would be tested, it lies in ``train`` of
each fold.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.config import Validate
from pipeline.dataset.manifest import FOLD
from pipeline.dataset.names import LEARNT
from pipeline.dataset.released import LEARNT_BY_RELEASE, Release
from pipeline.files.faults import Issue
from pipeline.files.printable import first
from pipeline.types import BoolArray
from pipeline.validate import learnt_hashes, splits
from pipeline.validate.scan import Fact

log = logging.getLogger(__name__)

_MOST, _EXAMPLES = 20, 3  # files listed in a message, and on the terminal
_WHY = {
    True: "the same bytes",
    False: f"a radiograph whose hash differs by {learnt_hashes.DISTANCE} bits or fewer",
}


class Suspected(NamedTuple):
    """Which files a release learnt from.

    Attributes
    ----------
    release
        It.
    certain
        bool, shape (n_files,): whether it learnt from the same bytes.
    suspected
        bool, shape (n_files,): these, and those whose perceptual hash is near.
    """

    release: Release
    certain: BoolArray
    suspected: BoolArray


class Chosen(NamedTuple):
    """A split for every group, as `splits.choose` gives it, and the groups that left ``test`` for it."""

    splits: pd.DataFrame
    left: Sequence[str] = ()


def look_up(facts: Sequence[Fact], release: Release) -> Suspected:
    """Compare all sound files with what a release learnt from.

    Raises
    ------
    ValueError
        It carries no hashes, or damaged ones.
    """
    learnt = learnt_hashes.read(release.file(LEARNT))
    sound = np.array([not fact.reason for fact in facts], np.bool_)
    certain, suspected = np.zeros_like(sound), np.zeros_like(sound)
    given = [fact for fact in facts if not fact.reason]
    if given:
        thumbnails = np.stack([fact.thumbnail for fact in given])
        found = learnt_hashes.match(learnt, [fact.sha256 for fact in given], thumbnails)
        certain[sound], suspected[sound] = found.certain, found.suspected
    return Suspected(release, certain, suspected)


def choose(
    files: pd.DataFrame, settings: Validate, manifest: pd.DataFrame | None, suspected: pd.Series[bool] | None
) -> Chosen:
    """Give every group a split, as `splits.choose` does, and none that is suspected to ``test``.

    Parameters
    ----------
    files, settings, manifest
        As for `splits.choose`.
    suspected
        By the index of the files; None where no training starts from a release.

    Raises
    ------
    ValueError
        As in `splits.choose`; or one lies in ``test``, and it may not be moved.
    """
    if suspected is None:
        return Chosen(splits.choose(files, settings, manifest))
    own = files[suspected.reindex(files.index)]
    learnt = sorted(set(own["group"]))
    if settings.split == "kfold":
        return Chosen(*_dealt(files, settings, manifest, own, learnt))
    chosen = splits.choose(files, settings, manifest)
    left = sorted(set(chosen.index[chosen["split"] == "test"]) & set(learnt))
    _require_movable(own[own["group"].isin(left)], settings)
    chosen.loc[left, "split"] = "train"
    return Chosen(chosen, left)


def _dealt(
    files: pd.DataFrame,
    settings: Validate,
    manifest: pd.DataFrame | None,
    own: pd.DataFrame,
    learnt: list[str],
) -> tuple[pd.DataFrame, list[str]]:
    """Deal the other groups to folds; those that were learnt from lie in none, and in train of each."""
    _require_movable(own, settings)
    try:
        others = splits.choose(files[~files["group"].isin(learnt)], settings, manifest)
    except ValueError as error:
        raise ValueError(f"{error}{_hint(learnt)}") from None
    return pd.concat([others, pd.DataFrame({"split": "train", FOLD: ""}, index=learnt)]), learnt


def _require_movable(tested: pd.DataFrame, settings: Validate) -> None:
    """Refuse where the settings say so, and where published splits are to stay."""
    if tested.empty or (settings.learnt_in_test == "move" and settings.split != "keep"):
        return
    listed = "\n".join(f"  {path}" for path in sorted(tested["path"])[:_MOST])
    more = f"\n  and {len(tested) - _MOST} more" if len(tested) > _MOST else ""
    mend = "set validate.split: regroup" if settings.split == "keep" else "set validate.learnt_in_test: move"
    raise ValueError(
        "test must hold no radiograph that the released model of train.weights learnt from. Received: "
        f"{len(tested)} that it did, or copies by their hashes. To move their groups to train, {mend}; or "
        f"take them out of the folder, or set train.weights: package.\n{listed}{more}"
    )


def check(kept: pd.DataFrame, left: Sequence[str]) -> None:
    """Refuse splits as `splits.check` does; where groups left ``test``, say so."""
    try:
        splits.check(kept)
    except ValueError as error:
        raise ValueError(f"{error}{_hint(left)}") from None


def _hint(left: Sequence[str]) -> str:
    if not left:
        return ""
    return (
        f" {len(left)} groups were moved from test to train, since the released model learnt from them: with "
        "train.weights: package they are tested."
    )


def issues(kept: pd.DataFrame, left: Sequence[str], found: Suspected) -> list[Issue]:
    """List the radiographs that left ``test``, each with why; kin that left with them is not listed."""
    moved = kept[kept["group"].isin(left)]
    return [
        Issue.of(
            row.path,
            LEARNT_BY_RELEASE,
            f"{found.release.folder.name} learnt from {_WHY[bool(found.certain[row.Index])]}; "
            f"{row.group} lies in train",
        )
        for row in moved[found.suspected[moved.index]].itertuples()
    ]


def figures(kept: pd.DataFrame, left: Sequence[str], found: Suspected) -> dict[str, Any]:
    """Count them, for ``metrics.json``.

    Returns
    -------
    dict
        ``release`` and ``sha256`` name it; ``certain`` and ``by_hash`` count radiographs that were to be
        tested and that it learnt from; ``moved`` and ``moved_groups`` what left ``test`` with them; ``val``
        radiographs of ``val`` that it learnt from or was chosen on.
    """
    moved, val = kept[kept["group"].isin(left)], kept[kept["split"] == "val"]
    certain = int(found.certain[moved.index].sum())
    return {
        "release": found.release.folder.name,
        "sha256": found.release.sha256,
        "certain": certain,
        "by_hash": int(found.suspected[moved.index].sum()) - certain,
        "moved": len(moved),
        "moved_groups": len(left),
        "val": int(found.suspected[val.index].sum()),
    }


def say(counted: dict[str, Any], listed: Sequence[Issue]) -> None:
    """Tell the terminal what left ``test``, and how much of ``val`` the release knows."""
    if counted["moved"]:
        log.warning(
            "release %s learnt from %d radiographs of test for certain and from %d by their hashes: their %d "
            "groups now lie in train: %s",
            counted["release"],
            counted["certain"],
            counted["by_hash"],
            counted["moved_groups"],
            first([issue.path for issue in listed], _EXAMPLES),
        )
    log.log(
        logging.WARNING if counted["val"] else logging.INFO,
        "release %s learnt from or was chosen on %d radiographs of val%s",
        counted["release"],
        counted["val"],
        ": thresholds and calibration, which are fitted there, may flatter" if counted["val"] else "",
    )
