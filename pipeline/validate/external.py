"""A folder of labelled radiographs from elsewhere, checked as ``validate`` checks the user's own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipeline.config import Config
from pipeline.dataset import ids, labels, manifest, names, released
from pipeline.dataset.annotations import Annotations
from pipeline.files import engine
from pipeline.files.faults import Issue
from pipeline.files.limits import Limits
from pipeline.types import BoolArray
from pipeline.validate import annotation_check, grouping, learnt_hashes, listing, scan

log = logging.getLogger(__name__)


class Folder(NamedTuple):
    """A folder to score: all its files with status and group, the sound annotations, what is wrong."""

    root: Path
    files: pd.DataFrame
    annotations: Annotations
    issues: list[Issue]

    @property
    def kept(self) -> pd.DataFrame:
        """The radiographs that are scored."""
        return self.files[self.files["status"] == manifest.KEPT].reset_index(drop=True)

    @property
    def without_patient(self) -> int:
        """How many are scored that no label gives a patient or exam, nor any file of their group."""
        kept = self.kept
        told = kept[[name for name in ids.JOINING if name in kept]].ne("").any(axis=1)
        return int((~told.groupby(kept["group"]).transform("any")).sum())

    def in_groups_with(self, *codes: str) -> pd.Series[bool]:
        """Say which files share a group with one that has an issue of such a code: one each."""
        named = self.files["path"].isin([one.path for one in self.issues if one.issue in codes])
        return self.files["group"].isin(self.files.loc[named, "group"])


def check(config: Config, root: Path, annotations: Path | None, table: Path | None = None) -> Folder:
    """Decode every file, find copies and faults, and read the annotations.

    Parameters
    ----------
    annotations
        A COCO file of fractures.
    table
        A CSV of labels, keyed by path: radiographs of one patient or study join a group.

    Raises
    ------
    ValueError
        A class has no sound radiograph, or no annotation is sound.
    """
    settings = config.validation
    if annotations is not None:  # at once, while decoding may take long
        annotation_check.read(annotations, config.data.fracture_categories)
    listed, issues = listing.find_labelled(root, Limits.of(settings), config.data.trusted_links)
    grouped, found = _grouped(config, listed, table)
    issues += found
    usable = annotation_check.targets(grouped.files)
    sound = Annotations(sizes={row.path: (row.height_px, row.width_px) for row in usable.values()})
    if annotations is not None:
        drawn = annotation_check.check(
            annotations, usable, config.data.fracture_categories, grouped.files["path"]
        )
        sound, issues = drawn.annotations, [*issues, *drawn.issues]
        if not sound.regions:
            raise ValueError(
                f"--annotations must name radiographs of {root} by paths relative to it, such as "
                f"{listed[0].name!r}. Received: {annotations}, of which nothing is sound. "
                f"{next((f'{issue.path}: {issue.detail}.' for issue in drawn.issues), '')}"
            )
    issues += [*grouped.issues, *_learnt_from(config, grouped.files)]
    checked = Folder(root, grouped.files, sound, issues)
    if checked.kept["fractured"].nunique() < 2:
        counts = checked.files.groupby("fractured")["status"].value_counts().to_dict()
        raise ValueError(
            f"{root} must hold sound radiographs of both classes. Received: {counts}."
            f"{grouping.left_out(checked.files)}"
        )
    if unknown := checked.without_patient:
        log.warning(
            "no patient_id or study_id is known of %d of %d radiographs: each counts as a patient of its "
            "own, copies aside. Where a patient has several, name them in a CSV with --labels: else what is "
            "guaranteed is too good, and intervals are too narrow",
            *(unknown, len(checked.kept)),
        )
    return checked


def check_unlabelled(config: Config, root: Path, table: Path | None = None) -> Folder:
    """Decode every file of a folder without labels, and find copies and faults.

    ``fractured`` is false throughout, and means nothing.

    Raises
    ------
    ValueError
        Nothing in the folder is a sound radiograph.
    """
    limits = Limits.of(config.validation)
    listed, issues = listing.find_unlabelled(root, limits, config.data.trusted_links)
    grouped, found = _grouped(config, listed, table)
    issues += [*found, *grouped.issues, *_learnt_from(config, grouped.files)]
    return Folder(root, grouped.files, Annotations(), issues)


def _grouped(
    config: Config, listed: Sequence[listing.ListedFile], table: Path | None
) -> tuple[grouping.Grouped, list[Issue]]:
    """Decode files and join copies, and what the labels say is one patient or study."""
    names = [item.name for item in listed]
    joined = labels.Labels(pd.DataFrame(index=pd.Index(names, name="path")), [], {})
    if table is not None:
        joined = labels.read(table, names)
    with engine.scratch() as spilled, engine.Pool(config.run.workers) as pool:
        items = [item._replace(folder=spilled) for item in listed]
        facts = list(pool.process(scan.inspect, items, label="check"))
        grouped = grouping.join(facts, joined.table, config.validation, pool)
    return grouped, [*joined.issues, *(issue for fact in facts for issue in fact.issues)]


def _learnt_from(config: Config, files: pd.DataFrame) -> list[Issue]:
    """Name the radiographs that the model was trained or tuned on, by its own hashes or by the manifest."""
    own, path = config.paths.models / names.LEARNT, config.paths.manifest
    kept = files[files["status"] == manifest.KEPT]
    if own.is_file():
        repeated = kept[learnt_hashes.certain(learnt_hashes.read(own), [*kept["sha256"]])]
    elif path.is_file():
        learnt = manifest.rows(manifest.read(path), ("train", "val"))
        repeated = kept[kept["sha256"].isin(learnt["sha256"]) | _of_start(config, [*kept["sha256"]])]
    else:
        return []
    detail = "the model was trained or tuned on the same bytes: the figures flatter"
    if len(repeated):
        log.warning("assess: %d radiographs were in train or val: the figures flatter", len(repeated))
    return [Issue.of(name, "seen_before", detail) for name in repeated["path"]]


def _of_start(config: Config, sha256: Sequence[str]) -> BoolArray:
    """Say which files the release learnt from that training starts from, byte for byte: bool, one each."""
    release = released.find(config.paths.models) if config.train.weights == released.WEIGHTS else None
    if release is None or not (release / names.LEARNT).is_file():
        return np.zeros(len(sha256), np.bool_)
    return learnt_hashes.certain(learnt_hashes.read(release / names.LEARNT), sha256)
