"""The one way in: files and folders listed, each file examined, and admitted or refused with a reason.

`validate`, `predict`, `assess`, `drift` and the served model all come through `examine`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.files import images, remote
from pipeline.files.faults import ImageFault, Issue, Note, severity
from pipeline.files.limits import Limits
from pipeline.files.printable import first, printable
from pipeline.files.walk import walk
from pipeline.validate import content, not_radiograph, pyramid

REFUSED = "refused"  # what stands for a decision where a file is no sound radiograph

# Files beside radiographs. All others in a folder are tried: DICOM files often have no suffix.
_BESIDE = {
    ".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".xml", ".html", ".pdf", ".yaml", ".yml", ".xls",
    ".xlsx", ".zip", ".gz", ".tar", ".db", ".ini", ".log", ".py", ".ipynb", ".dvc",
    ".exe", ".dll", ".inf", ".bat", ".jar", ".htm", ".js", ".css", ".chm", ".rtf", ".doc", ".docx",
}  # fmt: skip
_DIRECTORY = "dicomdir"  # of a medium with DICOM files (PS3.10, 8): it names them, and is no picture
_BATCH, _BATCH_PIXELS = 16, 25_000_000  # radiographs that are held at once, and pixels of all of them
_SHOWN = 5  # paths that a line on what was passed over names
_SHOWN_BESIDE = 3  # names of files that are no pictures


class Item(NamedTuple):
    """A file to decode, and the limits it must meet."""

    path: Path
    limits: Limits


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


class Listing(NamedTuple):
    """Files to examine, and what was met on the way to them; see `walk`."""

    files: list[Path]
    issues: list[Issue]

    @property
    def refused(self) -> list[Issue]:
        """What may hold radiographs and cannot be read."""
        return [issue for issue in self.issues if issue.severity == "quarantined"]

    @property
    def shared(self) -> Path:
        """The folder that all files share, from the root; of no file, the working folder."""
        return Path(os.path.commonpath([absolute(path).parent for path in self.files] or [absolute(Path())]))

    @property
    def passed_over(self) -> str:
        """One line on all the rest; empty where there is none."""
        rest = [issue for issue in self.issues if issue.severity != "quarantined"]
        return first([printable(f"{issue.path} ({issue.detail})") for issue in rest], _SHOWN, "; ")


def listing(paths: Iterable[Path]) -> Listing:
    """List the radiographs that files and folders name, each file once.

    A file that is named is always taken, whether it exists or not. Of a folder and all folders below it
    every file is taken but those that `walk` passes over and those with a name of no picture. What lies at
    an address is listed there, and fetched.

    Returns
    -------
    Listing
        In the order of ``paths``, a folder's files in the order of their paths.
    """
    named: dict[Path, Path] = {}
    issues: dict[Issue, None] = {}
    for path in paths:
        issues |= {issue._replace(path=f"{path}/{issue.path}"): None for issue in remote.mirror(path)}
        is_folder = os.path.isdir(path)  # noqa: PTH112 - `Path.is_dir` raises where it may not look
        files, met = walk(path) if is_folder else ([path], [])
        issues |= dict.fromkeys(met)
        pictures, others = parted(files, path) if is_folder else (files, [])
        issues |= dict.fromkeys(others)
        for file in pictures:
            named.setdefault(absolute(file), file)
    remote.prefetch(named.values())
    return Listing(list(named.values()), list(issues))


def parted(files: Iterable[Path], folder: Path) -> tuple[list[Path], list[Issue]]:
    """Part the files of a folder that may be pictures from those beside them, which one issue names."""
    pictures, others = list[Path](), list[Path]()
    for file in files:
        (others if is_beside(file) else pictures).append(file)
    if not others:
        return pictures, []
    names = first([other.relative_to(folder).as_posix() for other in others], _SHOWN_BESIDE)
    return pictures, [Issue.of(str(folder), "passed_over", f"no pictures by their names: {names}")]


def is_beside(file: Path) -> bool:
    """Whether a file of a folder is no picture by its name: a table, a text, an archive, a CD's viewer."""
    return file.suffix.lower() in _BESIDE or file.name.lower() == _DIRECTORY


def examine(data: bytes, name: str, limits: Limits) -> Examined:
    """Decode a file strictly, and say what is odd about it.

    Raises
    ------
    ImageFault
        It cannot be decoded, see `images.decode`; or is ``too_small``, ``blank`` or ``half_grey``.
        Whatever else a file brings about is a fault of that file alone: ``broken``.
    """
    try:
        radiograph = images.decode(data, name, limits.max_pixels)
        content.check(radiograph.pixels, name, limits.min_side_px)
        levels = pyramid.build(radiograph.pixels)
        judgement = not_radiograph.judge(levels, radiograph.colour)
        unlike = content.unlike(name, judgement, limits.not_radiograph)
        issues = (*content.oddities(name, radiograph, levels), *([unlike] if unlike else []))
        return Examined(radiograph, levels, judgement.score, issues)
    except ImageFault:
        raise
    except Exception as error:
        raise ImageFault("broken", f"{name}: {type(error).__name__}: {error}") from error


def admit(data: bytes, name: str, limits: Limits) -> Admitted:
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


def batches(each: Iterable[Admitted | ImageFault]) -> Iterator[list[Admitted | ImageFault]]:
    """Gather radiographs that are predicted together: so few that they and their maps fit into memory."""
    batch: list[Admitted | ImageFault] = []
    held = 0
    for one in each:
        size = one.radiograph.pixels.size if isinstance(one, Admitted) else 0
        if batch and (len(batch) == _BATCH or held + size > _BATCH_PIXELS):
            yield batch
            batch, held = [], 0
        batch.append(one)
        held += size
    if batch:
        yield batch


def notes(issues: Iterable[Issue], of_model: Iterable[Note] = ()) -> list[dict[str, str]]:
    """Say in JSON what is odd about a radiograph, and what its model warns of with every answer.

    Warnings come first, then what is for information.
    """
    every = [*(Note(issue.issue, issue.detail) for issue in issues), *of_model]
    ordered = sorted(every, key=lambda note: severity(note.code) == "note")
    return [{"code": note.code, "detail": printable(note.detail)} for note in ordered]


def absolute(path: Path) -> Path:
    """Return the path from the root, without ``..``; links stay, since each name of a file is its own."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow links
