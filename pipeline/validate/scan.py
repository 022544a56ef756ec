"""Decode every file of the user's folder once, and never change it: one fact row a file."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.files import images
from pipeline.files.faults import ImageFault, Issue
from pipeline.files.printable import is_utf8
from pipeline.validate import intake, links, shortcuts
from pipeline.validate.copies import spill_cache
from pipeline.validate.copies.keypoints import NO_KEYPOINTS
from pipeline.validate.copies.spill_cache import CopyFeatures, Spilled, View
from pipeline.validate.listing import ListedFile

_NO_FEATURES = CopyFeatures(np.zeros((0, 0), np.uint8), NO_KEYPOINTS)


@dataclass(frozen=True)
class Fact:
    """The description of one file after reading it.

    Attributes
    ----------
    path
        Relative to ``data.root``, with forward slashes.
    reason
        Why it is quarantined; empty for a sound radiograph. All that could be decoded has its further fields.
    not_radiograph
        How unlike a radiograph it is, 0 to 1, see `not_radiograph.judge`; not a number where not decoded.
    thumbnail
        uint8, shape (64, 64): the whole radiograph, its aspect not kept.
    features
        What is compared with other radiographs, in memory or spilled; see `spill_cache`.
    squared
        The same of a long radiograph forced into a square; None for others.
    border, markers
        See `shortcuts`.
    """

    path: str
    published_split: str
    fractured: bool
    reason: str = ""
    sha256: str = ""
    n_bytes: int = 0
    format: str = ""
    mode: str = ""
    height_px: int = 0
    width_px: int = 0
    not_radiograph: float = float("nan")
    issues: tuple[Issue, ...] = ()
    thumbnail: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8), repr=False)
    features: CopyFeatures | Spilled = field(default=_NO_FEATURES, repr=False)
    squared: View | None = field(default=None, repr=False)
    border: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), repr=False)
    markers: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), repr=False)


def inspect(item: ListedFile) -> Fact:
    """Read one file, decode it strictly, and describe it; a fault becomes a reason, never an error."""
    name = item.name
    fact = Fact(name, item.published_split, item.fractured)
    data = b""
    try:
        _check_path(item)
        data = images.read_bytes(item.path)
        examined = intake.examine(data, name, item.limits)
    except ImageFault as fault:
        issue = Issue.of(name, fault.reason, _without_root(str(fault), item.root))
        digest = hashlib.sha256(data).hexdigest() if data else ""
        return replace(fact, reason=fault.reason, sha256=digest, n_bytes=len(data), issues=(issue,))
    radiograph, levels, refused = examined.radiograph, examined.levels, examined.refused
    features = spill_cache.extract(levels.medium)
    return replace(
        fact,
        reason=refused.issue if refused is not None else "",
        sha256=hashlib.sha256(data).hexdigest(),
        n_bytes=len(data),
        format=radiograph.format,
        mode=radiograph.mode,
        height_px=levels.full.shape[0],
        width_px=levels.full.shape[1],
        not_radiograph=round(examined.not_radiograph, 4),
        issues=examined.issues,
        thumbnail=levels.thumbnail,
        features=spill_cache.spill(features, item.folder) if item.folder else features,
        squared=spill_cache.squared(levels.medium, item.folder),
        border=shortcuts.border_features(levels.half),
        markers=shortcuts.marker_features(levels.small),
    )


def _without_root(message: str, root: Path) -> str:
    """Tables hold no path of this machine, nor bytes that are no UTF-8."""
    return message.replace(f"{root}{os.sep}", "").encode("utf-8", "backslashreplace").decode("utf-8")


def _check_path(item: ListedFile) -> None:
    if not is_utf8(str(item.path)):
        raise ImageFault("name_not_utf8", f"{item.path}: rename the file, its name is no UTF-8")
    if not links.inside(item.path, item.places or (os.path.realpath(item.root),)):
        raise ImageFault(
            "outside_root",
            f"{item.path}: a link that leaves data.root is not read; data.trusted_links names folders "
            "that links may lead into",
        )
