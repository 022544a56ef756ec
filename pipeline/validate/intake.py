"""Radiographs wherever they lie: files and folders listed, each decoded strictly or refused."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.files import images
from pipeline.files.faults import ImageFault
from pipeline.validate import content, not_radiograph, pyramid

# Files beside radiographs. All others in a folder are tried: DICOM files often have no suffix.
_BESIDE = {
    ".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".xml", ".html", ".pdf", ".yaml", ".yml", ".xls",
    ".xlsx", ".zip", ".gz", ".tar", ".db", ".ini", ".log", ".py", ".ipynb", ".dvc",
}  # fmt: skip


class Item(NamedTuple):
    """A file to decode, and the limits it must meet."""

    path: Path
    limits: content.Limits


def find(paths: Iterable[Path]) -> list[Path]:
    """List the radiographs that files and folders name, each file once.

    A file that is named is always taken, whether it exists or not. Of a folder and all folders below it
    every file is taken but hidden ones and those with a suffix of no picture.
    Links to folders are not followed.

    Returns
    -------
    list of Path
        In the order of ``paths``, a folder's files in the order of their names.
    """
    files = (file for path in paths for file in (_walk(path) if path.is_dir() else [path]))
    first: dict[Path, Path] = {}
    for file in files:
        first.setdefault(absolute(file), file)
    return list(first.values())


def read(item: Item) -> NDArray[np.uint8] | ImageFault:
    """Decode a file strictly: its pixels (H, W), or why there are none."""
    try:
        radiograph = images.read(item.path, item.limits.max_pixels)
        content.check(radiograph.pixels, str(item.path), item.limits.min_side_px)
    except ImageFault as fault:
        return fault
    judgement = not_radiograph.judge(pyramid.build(radiograph.pixels), radiograph.colour)
    unlike = content.unlike(str(item.path), judgement, item.limits.not_radiograph)
    if unlike and unlike.severity == "quarantined":
        return ImageFault(unlike.issue, f"{item.path}: {unlike.detail}")
    return radiograph.pixels


def absolute(path: Path) -> Path:
    """Return the path from the root, without ``..``; links stay, since each name of a file is its own."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow links


def printable(path: Path | str) -> str:
    """Path as text that every file and terminal can hold: bytes that are no UTF-8 are written out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _walk(folder: Path) -> Iterator[Path]:
    for directory, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() not in _BESIDE:
                yield Path(directory) / name
