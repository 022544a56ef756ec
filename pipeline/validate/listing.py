"""List the files of a folder of radiographs, by split and class: what is read, and what is passed over."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline import addresses
from pipeline.dataset import layout
from pipeline.dataset.layout import CLASS_FOLDERS, SPLITS
from pipeline.files import images, remote
from pipeline.files.faults import Issue
from pipeline.files.limits import Limits
from pipeline.files.printable import first, printable
from pipeline.files.walk import is_foreign, walk
from pipeline.validate import intake, links, told

log = logging.getLogger(__name__)


_SHOWN = 3  # names of pictures in no class's folder


class ListedFile(NamedTuple):
    """A file to inspect, the split and class of its folders, and the limits it must meet.

    Its features are spilled into the folder; without one they stay in memory. Links may lead into the
    places, see `links`; without any, into the root.
    """

    root: Path
    path: Path
    published_split: str
    fractured: bool
    limits: Limits
    folder: Path | None = None
    places: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its path relative to the root, with forward slashes, as text."""
        return name_below(self.root, self.path)


def find(root: Path, limits: Limits, trusted: Sequence[Path] = ()) -> tuple[list[ListedFile], list[Issue]]:
    """List the files of ``root``/{train,val,test}/{fractured,not fractured}/, in order of path.

    A split's or a class's folder may be a link. What is passed over is told on the terminal, too.

    Parameters
    ----------
    trusted
        Folders that links may lead into, beside the root and DVC's cache: ``data.trusted_links``.

    Returns
    -------
    items : list of ListedFile
    issues : list of Issue
        What `walk` passes over, and folders that are no part of the layout.

    Raises
    ------
    ValueError
        A folder of the layout is missing or holds no file.
    """
    unfit = _unfit(root)
    layout.check(root)
    items, issues = [], [*unfit, *_foreign_folders(root)]
    for split in SPLITS:
        for class_folder in CLASS_FOLDERS:
            files, skipped = _files(root, split, class_folder, limits, trusted)
            issues += skipped
            if not files:
                told.tell(issues)
                folder = addresses.shown(root / split / class_folder)
                raise ValueError(
                    f"{folder} must hold radiographs. Received: no file. Add some, or see README."
                )
            items += files
    return _in_order(root, items, issues, trusted), issues


def find_labelled(
    root: Path, limits: Limits, trusted: Sequence[Path] = ()
) -> tuple[list[ListedFile], list[Issue]]:
    """List the files of a folder that is only scored, in order of path: no split need be there.

    The class folders lie in {train,val,test} as for `find`, or at the top; then the published split is
    empty.

    Raises
    ------
    ValueError
        A class has no file.
    """
    items, issues = [], _unfit(root)
    for split in ("", *SPLITS):
        for class_folder in CLASS_FOLDERS:
            files, skipped = _files(root, split, class_folder, limits, trusted)
            items += files
            issues += skipped
    for class_folder, fractured in CLASS_FOLDERS.items():
        if not any(item.fractured == fractured for item in items):
            received = f"no file in {class_folder!r}" if root.is_dir() else "no such folder"
            raise ValueError(
                f"{addresses.shown(root)} must hold radiographs of both classes, as {class_folder}/ or "
                f"test/{class_folder}/. Received: {received}. {layout.instead(root)}".rstrip()
            )
    return _in_order(root, items, issues, trusted), issues


def find_unlabelled(
    root: Path, limits: Limits, trusted: Sequence[Path] = ()
) -> tuple[list[ListedFile], list[Issue]]:
    """List the radiographs of a folder and all folders below it, in order of path, whatever they show.

    Raises
    ------
    ValueError
        The folder holds no file.
    """
    found = intake.listing([root])
    if not root.is_dir():
        raise ValueError(f"{addresses.shown(root)} must be a folder of radiographs. Received: no folder.")
    if not found.files:
        raise ValueError(f"{addresses.shown(root)} must hold radiographs. Received: no file.")
    items = [ListedFile(root, path, "", False, limits) for path in found.files]
    issues = [issue._replace(path=name_below(root, Path(issue.path))) for issue in found.issues]
    return _in_order(root, items, issues, trusted), issues


def _in_order(
    root: Path, items: list[ListedFile], issues: list[Issue], trusted: Sequence[Path]
) -> list[ListedFile]:
    """Sort files by path, say where their links may lead, and tell what will not be read, and why.

    Those at an address are fetched at once.
    """
    places = links.places(root, [item.path for item in items], trusted)
    outside = [item.path for item in items if not links.inside(item.path, places)]
    told.tell([*issues, *(Issue.of(name_below(root, path), "outside_root", "") for path in outside)])
    remote.prefetch(item.path for item in items)
    return sorted(
        (item._replace(places=places) for item in items), key=lambda item: name_below(root, item.path)
    )


def has_labels(root: Path) -> bool:
    """Whether a folder holds both classes' folders, at its top or in its splits."""
    remote.mirror(root)
    return all(any((root / split / name).is_dir() for split in ("", *SPLITS)) for name in CLASS_FOLDERS)


def name_below(root: Path, path: Path) -> str:
    """Path below the root, with forward slashes."""
    return printable(path.relative_to(root).as_posix())


def _unfit(root: Path) -> list[Issue]:
    """List what lies at an address, and tell of what no file here can bear the name of."""
    return [issue._replace(path=printable(issue.path)) for issue in remote.mirror(root)]


def _foreign_folders(root: Path) -> list[Issue]:
    """Tell of what lies where a split's or a class's folder is expected, and is none; it is not read."""
    beside = [path for path in sorted(root.iterdir()) if layout.meant(path.name) in SPLITS]
    within = [path for split in SPLITS for path in sorted((root / split).iterdir())]
    others = [path for path in beside + within if path.name not in (*SPLITS, *CLASS_FOLDERS)]
    foreign = [issue for path in others if (issue := _foreign(root, path)) is not None]
    return [*_loose(root), *foreign]


def _loose(root: Path) -> Iterator[Issue]:
    """Tell of pictures beside the folders of the splits and classes, which are not read."""
    for folder in (root, *(root / split for split in SPLITS)):
        names = (path.name for path in sorted(folder.iterdir()) if path.suffix.lower() in images.SUFFIXES)
        if loose := [name for name in names if not is_foreign(name) and (folder / name).is_file()]:
            detail = f"pictures in no class's folder: {first(loose, _SHOWN)}; move them into one"
            yield Issue.of(name_below(root, folder), "unknown_folder", detail)


def _foreign(root: Path, path: Path) -> Issue | None:
    if is_foreign(path.name):
        return Issue.of(name_below(root, path), "passed_over", "hidden, or a system's own")
    if not path.is_dir():
        return None
    likely = layout.meant(path.name)
    mend = f"; if it stands for `{likely}`, move its files there" if likely else ""
    detail = f"no class or split of this name: expected `fractured` or `not fractured`{mend}"
    return Issue.of(name_below(root, path), "unknown_folder", detail)


def _files(
    root: Path, split: str, class_folder: str, limits: Limits, trusted: Sequence[Path]
) -> tuple[list[ListedFile], list[Issue]]:
    """List the files of one class in one split, and what is passed over among them."""
    folder = root / split / class_folder
    if not folder.is_dir():
        return [], []
    if links.is_circle(folder):
        return [], [Issue.of(name_below(root, folder), "link_skipped", "a link to a folder that it lies in")]
    found, issues = walk(folder, trusted)
    files, others = intake.parted(found, folder)
    issues += others
    if folder.is_symlink():
        log.warning(
            "%s is a link: DVC does not see what changes behind it. After a change: dvc repro -f validate",
            folder,
        )
    fractured = CLASS_FOLDERS[class_folder]
    items = [ListedFile(root, path, split, fractured, limits) for path in files]
    return items, [issue._replace(path=name_below(root, Path(issue.path))) for issue in issues]
