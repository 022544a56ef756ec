"""The one way in: files and folders listed, each file examined, and admitted or refused with a reason.

`validate`, `predict`, `assess`, `drift` and the served model all come through `examine`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.files import images
from pipeline.files.faults import ImageFault, Issue
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


class Examined(NamedTuple):
    """A decoded file, smaller copies of it, how unlike a radiograph it is (0 to 1), and what is odd."""

    radiograph: images.Radiograph
    levels: pyramid.Pyramid
    not_radiograph: float
    issues: tuple[Issue, ...]

    @property
    def refused(self) -> Issue | None:
        """Why it is no radiograph, if so."""
        return next((issue for issue in self.issues if issue.severity == "quarantined"), None)


class Admitted(NamedTuple):
    """A radiograph, and what is odd about it."""

    radiograph: images.Radiograph
    issues: tuple[Issue, ...]


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


def examine(data: bytes, name: str, limits: content.Limits) -> Examined:
    """Decode a file strictly, and say what is odd about it.

    Raises
    ------
    ImageFault
        It cannot be decoded, see `images.decode`; or is ``too_small`` or ``blank``.
    """
    radiograph = images.decode(data, name, limits.max_pixels)
    content.check(radiograph.pixels, name, limits.min_side_px)
    levels = pyramid.build(radiograph.pixels)
    judgement = not_radiograph.judge(levels, radiograph.colour)
    unlike = content.unlike(name, judgement, limits.not_radiograph)
    issues = (*content.oddities(name, radiograph, levels), *([unlike] if unlike else []))
    return Examined(radiograph, levels, judgement.score, issues)


def admit(data: bytes, name: str, limits: content.Limits) -> Admitted:
    """Examine a file as `examine` does, and refuse it as well where it is no radiograph.

    Raises
    ------
    ImageFault
        As in `examine`; and ``photograph``, ``drawing`` or ``cross_section``.
    """
    examined = examine(data, name, limits)
    if (refused := examined.refused) is not None:
        raise ImageFault(refused.issue, f"{name}: {refused.detail}")
    return Admitted(examined.radiograph, examined.issues)


def read(item: Item) -> Admitted | ImageFault:
    """Read and admit a file, or return why not."""
    try:
        return admit(images.read_bytes(item.path), str(item.path), item.limits)
    except ImageFault as fault:
        return fault


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
