"""Walk the user's folder and decode every file once: one fact row a file, nothing left in doubt.

The user's files are read, never changed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.layout import CLASS_FOLDERS, SPLITS
from pipeline.files import images
from pipeline.files.faults import ImageFault, Issue
from pipeline.validate import content, intake, shortcuts
from pipeline.validate.copies import spill_cache
from pipeline.validate.copies.keypoints import NO_KEYPOINTS, Keypoints
from pipeline.validate.copies.spill_cache import CopyFeatures, Spilled, View

_NOT_DATA = {"thumbs.db", "desktop.ini"}
_NO_FEATURES = CopyFeatures(np.zeros((0, 0), np.uint8), NO_KEYPOINTS)


class ListedFile(NamedTuple):
    """A file to inspect, the split and class of its folders, and the limits it must meet.

    Its features are spilled into the folder; without one they stay in memory.
    """

    root: Path
    path: Path
    published_split: str
    fractured: bool
    limits: content.Limits
    folder: Path | None = None


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
    features, keypoints
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
    keypoints: Keypoints = field(default=NO_KEYPOINTS, repr=False)
    squared: View | None = field(default=None, repr=False)
    border: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), repr=False)
    markers: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), repr=False)


def find(root: Path, limits: content.Limits) -> tuple[list[ListedFile], list[Issue]]:
    """List the files of ``root``/{train,val,test}/{fractured,not fractured}/, in order of path.

    Hidden files are no data. Links to folders are not followed, and dangling links are passed over.

    Returns
    -------
    items : list of ListedFile
    issues : list of Issue
        Links passed over, folders that are no part of the layout.

    Raises
    ------
    ValueError
        A folder of the layout is missing or holds no file.
    """
    _check_layout(root)
    items, issues = [], _foreign_folders(root)
    for split in SPLITS:
        for class_folder in CLASS_FOLDERS:
            files, skipped = _files(root, split, class_folder, limits)
            if not files:
                folder = root / split / class_folder
                raise ValueError(
                    f"{folder} must hold radiographs. Received: no file. Add some, or see README."
                )
            items += files
            issues += skipped
    return sorted(items, key=lambda item: _name(item.root, item.path)), issues


def find_labelled(root: Path, limits: content.Limits) -> tuple[list[ListedFile], list[Issue]]:
    """List the files of a folder that is only scored, in order of path: no split need be there.

    The class folders lie in {train,val,test} as for `find`, or at the top; then the published split is
    empty.

    Raises
    ------
    ValueError
        A class has no file.
    """
    items, issues = [], []
    for split in ("", *SPLITS):
        for class_folder in CLASS_FOLDERS:
            files, skipped = _files(root, split, class_folder, limits)
            items += files
            issues += skipped
    for class_folder, fractured in CLASS_FOLDERS.items():
        if not any(item.fractured == fractured for item in items):
            raise ValueError(
                f"{root} must hold radiographs of both classes, as {class_folder}/ or test/{class_folder}/. "
                f"Received: no file in {class_folder!r}."
            )
    return sorted(items, key=lambda item: _name(item.root, item.path)), issues


def has_labels(root: Path) -> bool:
    """Whether a folder holds both classes' folders, at its top or in its splits."""
    return all(any((root / split / name).is_dir() for split in ("", *SPLITS)) for name in CLASS_FOLDERS)


def inspect(item: ListedFile) -> Fact:
    """Read one file, decode it strictly, and describe it; a fault becomes a reason, never an error."""
    name = _name(item.root, item.path)
    fact = Fact(name, item.published_split, item.fractured)
    data = b""
    try:
        _check_name(item.path)
        _check_inside(item)
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
        keypoints=features.keypoints,
        squared=spill_cache.squared(levels.medium, item.folder),
        border=shortcuts.border_features(levels.half),
        markers=shortcuts.marker_features(levels.small),
    )


def _check_layout(root: Path) -> None:
    expected = [f"{split}/{folder}" for split in SPLITS for folder in CLASS_FOLDERS]
    if missing := [folder for folder in expected if not (root / folder).is_dir()]:
        raise ValueError(
            f"data.root must hold {', '.join(expected)}. Received: {root} without {', '.join(missing)}. "
            "Create what is missing, or set data.root in params.yaml."
        )


def _foreign_folders(root: Path) -> list[Issue]:
    folders = [path for split in SPLITS for path in sorted((root / split).iterdir()) if path.is_dir()]
    detail = "no class of this name: expected `fractured` or `not fractured`"
    return [
        Issue.of(_name(root, path), "unknown_folder", detail)
        for path in folders
        if path.name not in CLASS_FOLDERS
    ]


def _files(
    root: Path, split: str, class_folder: str, limits: content.Limits
) -> tuple[list[ListedFile], list[Issue]]:
    """List the files of one class in one split, and the links to nothing among them."""
    items, issues = [], []
    fractured = CLASS_FOLDERS[class_folder]
    for path in _walk(root / split / class_folder):
        if path.is_symlink() and not path.is_file():
            issues.append(Issue.of(_name(root, path), "link_skipped", "no file at the end of the link"))
        else:
            items.append(ListedFile(root, path, split, fractured, limits))
    return items, issues


def _walk(folder: Path) -> Iterator[Path]:
    for directory, _, names in os.walk(folder):  # does not follow links to folders
        for name in names:
            if not name.startswith(".") and name.lower() not in _NOT_DATA:
                yield Path(directory) / name


def _name(root: Path, path: Path) -> str:
    """Path below the root, with forward slashes."""
    return intake.printable(path.relative_to(root).as_posix())


def _without_root(message: str, root: Path) -> str:
    """Tables hold no path of this machine, nor bytes that are no UTF-8."""
    return message.replace(f"{root}{os.sep}", "").encode("utf-8", "backslashreplace").decode("utf-8")


def _check_name(path: Path) -> None:
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        raise ImageFault("name_not_utf8", f"{path}: rename the file, its name is no UTF-8") from None


def _check_inside(item: ListedFile) -> None:
    if not _is_inside(item.path if item.path.is_symlink() else item.path.parent, item.root):
        raise ImageFault("outside_root", f"{item.path}: a link that leaves data.root is never read")


@lru_cache  # of the folders, which many files share
def _is_inside(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())
