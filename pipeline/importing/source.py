"""The files of a source: its pictures, the files that say something of them, and which one a name means."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path, PurePath

from pipeline.dataset import joining, layout
from pipeline.files import images
from pipeline.files import text as texts
from pipeline.files.faults import Issue
from pipeline.files.printable import printable
from pipeline.files.walk import walk
from pipeline.importing.record import BROKEN, MISSING, UNREADABLE, LeftOut, shown
from pipeline.validate import intake, links

_BESIDE = re.compile(  # what stands before and behind a split: 01_train, train2017, test_images
    r"^[\d\W_]+|([\s_.-]*(data|dataset|set|split|images?|imgs?))?[\d\W_]*$", re.IGNORECASE
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

    def lines(self, file: Path) -> list[str]:
        """Read the lines of a text file that are not empty; one that is no text is left out, and has none."""
        try:
            text = texts.read(file).text if file.stat().st_size else ""
        except (ValueError, OSError) as error:
            self.left_out.append(LeftOut(self.shown(file), BROKEN, str(error)))
            return []
        return [line.strip() for line in text.split("\n") if line.strip()]

    def find(
        self, names: Iterable[str], near: Path | None = None, among: Sequence[Path] | None = None
    ) -> dict[str, Path]:
        """Find the picture that each name means, see `joining`: below a folder, or else below the source.

        Where most lie below the folder, the others are missing there: one elsewhere is of another table.
        """
        wanted, paths = set(names), dict[str, Path]()
        for folder in dict.fromkeys((near or self.root, self.root)):
            if 2 * len(paths) > len(wanted):
                break
            files = [file for file in among or self.pictures if file.is_relative_to(folder)]
            of_path = {file.relative_to(folder).as_posix(): file for file in files}
            if (left := wanted - paths.keys()) and of_path:
                paths |= {name: of_path[path] for name, path in joining.join(left, of_path).path_of.items()}
        return paths


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


def missing(names: Iterable[str], of: str) -> list[LeftOut]:
    """Say of each name that no file has it."""
    return [
        LeftOut(name or of, MISSING, f"{of} names {name!r}, and no such picture is there") for name in names
    ]
