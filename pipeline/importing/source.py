"""The files of a source: its pictures, the files that say something of them, and which one a name means."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePath

from pipeline.dataset import joining, layout
from pipeline.files import images
from pipeline.files import text as texts
from pipeline.files.faults import Issue
from pipeline.files.printable import first, printable
from pipeline.files.walk import walk
from pipeline.importing.record import AMBIGUOUS, BROKEN, MISSING, UNREADABLE, LeftOut, shown
from pipeline.validate import intake, links

_BESIDE = re.compile(  # what stands before and behind a split: 01_train, train2017, obj_train_data
    r"^(obj_|[\d\W_]+)|([\s_.-]*(data|dataset|set|split|images?|imgs?))?[\d\W_]*$", re.IGNORECASE
)
_REFUSED = {"outside_root", "link_skipped", "not_a_file", "unreadable"}


class Source:
    """A folder with all folders below it, walked once.

    Attributes
    ----------
    root
        The folder, absolute.
    files
        All files that may be read, in the order of their paths.
    left_out
        Files that may not: links out of the folder, pipes, unreadable folders, lists that are no text.
    """

    def __init__(self, root: Path, without: Path | None = None) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - `resolve` would follow links
        real = os.path.realpath(self.root)
        own = self.root / without.relative_to(real) if without and without.is_relative_to(real) else None
        found, issues = walk(self.root)
        files = [file for file in found if own is None or not file.is_relative_to(own)]
        self.files = [file for file in files if links.inside(file, (real,))]
        outside = sorted({*files} - {*self.files})
        issues += [Issue.of(str(file), "outside_root", "a link out of the source") for file in outside]
        self.left_out = [
            LeftOut(self.shown(Path(issue.path)), UNREADABLE, issue.detail)
            for issue in issues
            if issue.issue in _REFUSED
        ]

    @cached_property
    def pictures(self) -> list[Path]:
        """Files with the suffix of a picture, and others that begin as one, as `validate` reads both."""
        return [
            file
            for file in self.files
            if file.suffix.lower() in images.SUFFIXES or (not intake.is_beside(file) and images.begins(file))
        ]

    def pass_over(self, files: Collection[Path]) -> None:
        """Take pictures out, as if they were not there: copies of others."""
        self.pictures = [file for file in self.pictures if file not in files]

    @cached_property
    def _by_folder(self) -> Mapping[Path, list[Path]]:
        return _by_folder(self.pictures)

    @cached_property
    def _of_stem(self) -> Mapping[str, list[Path]]:
        of_stem = defaultdict(list)
        for file in self.pictures:
            of_stem[file.stem.casefold()].append(file)
        return of_stem

    def called(self, name: str) -> list[Path]:
        """Pictures of this name in any folder, whatever the suffix and in any letter case."""
        return self._of_stem.get(stem(name).casefold(), [])

    def named(self, *suffixes: str) -> list[Path]:
        """Files with one of these suffixes, in small letters."""
        return [file for file in self.files if file.suffix.lower() in suffixes]

    def shown(self, file: Path) -> str:
        """Path of a file as messages name it."""
        return shown(file, self.root)

    def parts(self, file: Path) -> tuple[str, ...]:
        """Names of the folders between the source and a file."""
        return file.relative_to(self.root).parts[:-1]

    def top(self) -> list[str]:
        """Names at the top, for messages."""
        return [printable(path.name) for path in self.root.iterdir()] if self.root.is_dir() else []

    def split_of(self, file: Path) -> str:
        """Return the split of a file by the folders that it lies in; empty where they do not tell."""
        return split_of(self.parts(file))

    def lines(self, file: Path, *, empty: bool = False) -> list[str]:
        """Read the lines of a text file, also empty ones where asked; what is no text is left out."""
        try:
            text = texts.read(file).text if file.stat().st_size else ""
        except (ValueError, OSError) as error:
            self.left_out.append(LeftOut(self.shown(file), BROKEN, str(error)))
            return []
        return [line.strip() for line in text.split("\n") if empty or line.strip()]

    def find(
        self, names: Iterable[str], near: Path | None = None, among: Sequence[Path] | None = None
    ) -> dict[str, Path]:
        """Find the picture that each name means, see `joining`: below a folder, or else below the source.

        Where most lie in a likelier place, the others are missing there: one elsewhere is of another table.

        Parameters
        ----------
        names
            Names or paths as somebody wrote them.
        near
            The label file that names them, or its folder.
        among
            The pictures that may be meant; all where this is not given.
        """
        wanted, paths, pictures = set(names), dict[str, Path](), among or self.pictures
        told = {name: split_of(PurePath(name.replace("\\", "/")).parts[:-1]) for name in wanted}
        for folder, files in self._places(wanted, near or self.root, pictures):
            if 2 * len(paths) > len(wanted):
                break
            everywhere = len(files) == len(pictures)
            paths |= {
                name: file
                for name, file in _joined(wanted - paths.keys(), files, folder).items()
                if everywhere or told[name] in ("", self.split_of(file))
            }
        if left := [name for name in wanted - paths.keys() if told[name]]:
            paths |= _by_end(left, {*pictures} - {*paths.values()})
        return paths

    def _places(
        self, wanted: Collection[str], near: Path, pictures: Sequence[Path]
    ) -> Iterator[tuple[Path, Sequence[Path]]]:
        """List pictures by their place, the likeliest first, each with the folder that paths start at.

        Where pictures of several folders share a wanted name, the folders go first that are most like the
        label file's own.
        """
        folder = near if near.is_dir() else near.parent
        by_folder = self._by_folder if pictures is self.pictures else _by_folder(pictures)
        if folder != self.root:
            yield folder, [file for one in by_folder if one.is_relative_to(folder) for file in by_folder[one]]
        if any(len(self.called(name)) > 1 for name in wanted):
            alike = self._alike(near, by_folder)
            for least in range(max(alike.values(), default=0), 0, -1):
                yield self.root, [file for one, n in alike.items() if n >= least for file in by_folder[one]]
        yield self.root, pictures

    def _alike(self, near: Path, folders: Iterable[Path]) -> dict[Path, int]:
        """Count what folders share with a label file: names of folders, or its own, and the split."""
        path = near.relative_to(self.root)
        own = {part.casefold() for part in (*path.parts, path.stem)}
        split = split_of_name(path.name) or split_of(path.parts)
        counts = {}
        for folder in folders:
            parts = folder.relative_to(self.root).parts
            same_split = bool(split) and split_of(parts) == split
            counts[folder] = len(own & {part.casefold() for part in parts}) + same_split
        return counts


def _by_folder(files: Iterable[Path]) -> dict[Path, list[Path]]:
    by_folder = defaultdict(list)
    for file in files:
        by_folder[file.parent].append(file)
    return by_folder


def stem(name: str) -> str:
    """Drop folders and the suffix of a picture from a name; another suffix is part of the name."""
    last = PurePath(name.replace("\\", "/"))
    return last.stem if last.suffix.lower() in images.SUFFIXES else last.name


def split_of(names: Collection[str]) -> str:
    """Return the split that one of some names stands for, the last one first; empty where none does."""
    meant = (layout.meant(_BESIDE.sub("", name)) for name in reversed([*names]))
    return next((split for split in meant if split in layout.SPLITS), "")


def split_of_name(name: str) -> str:
    """Return the split that a part of a file's name stands for: ``instances_train2017.json``."""
    return split_of(re.split(r"[^A-Za-z0-9]+", PurePath(name).stem))


def _joined(names: Collection[str], files: Iterable[Path], folder: Path) -> dict[str, Path]:
    """Find the file that each name means, where paths start at a folder."""
    of_path = {file.relative_to(folder).as_posix(): file for file in files}
    if not names or not of_path:
        return {}
    return {name: of_path[path] for name, path in joining.join(names, of_path).path_of.items()}


def _end(path: str) -> str:
    """Return the last folder and the name, as names in any letter case are compared."""
    return "/".join(path.replace("\\", "/").split("/")[-2:]).casefold()


def _by_end(names: Iterable[str], files: Iterable[Path]) -> dict[str, Path]:
    """Find the one file that ends in the same folder and name as a name does."""
    of_end = defaultdict(list)
    for file in files:
        of_end[_end(file.as_posix())].append(file)
    return {name: of_end[_end(name)][0] for name in names if len(of_end[_end(name)]) == 1}


def missing(names: Iterable[str], of: str, source: Source | None = None) -> list[LeftOut]:
    """Say of each name that no file has it; or of those that several have, where the source is given."""
    lines = []
    for name in names:
        same = source.called(name) if source is not None else []
        if source is not None and len(same) > 1:
            shared = first([source.shown(file) for file in same], 2, " and ")
            detail = f"{of} names {name!r}, and {len(same)} pictures have this name: {shared}"
            lines += [LeftOut(source.shown(file), AMBIGUOUS, detail) for file in same]
        else:
            elsewhere = f" (elsewhere: {source.shown(same[0])})" if source is not None and same else ""
            detail = f"{of} names {name!r}, and no such picture is there{elsewhere}"
            lines.append(LeftOut(name or of, MISSING, detail))
    return lines
