"""The users' data: whether DVC can hash it, which it does before a stage starts, and whether it is there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import addresses
from pipeline.commands.checks.check import OK, PROBLEM, REPRO, WARNING, Check
from pipeline.files.printable import first, is_utf8, one_line, printable

if TYPE_CHECKING:
    from pipeline.config import Config

_IGNORED = Path(".dvcignore")
_MENDS = {
    "links to nothing": "Delete them, or bring back what they lead to.",
    "links in a circle": "Delete them.",
    "pipes, sockets or devices": "Move them away: DVC waits for them for ever.",
    "files that cannot be read": "chmod u+r, or ask who owns them.",
    "folders that cannot be read": "chmod u+rx, or ask who owns them.",
    "names that are no UTF-8": "Rename them: DVC stops at them.",
}
_AT_ADDRESS = "docs/how-to/data-in-s3.md says how to mend it."
_N_NAMED = 3


def radiographs(config: Config) -> Check:
    """Whether every split and class has files, counted as `validate` counts them."""
    from pipeline.dataset import layout

    root, name = config.data.root, "radiographs"
    drawn, shown_root = root == config.paths.phantoms, addresses.shown(root)
    if not root.is_dir() and drawn:
        return Check(name, WARNING, f"{shown_root} is not drawn yet", REPRO)
    try:
        _list_address(root)
        layout.check(root)
    except ValueError as error:
        mend = _AT_ADDRESS if addresses.of(root) else "Rename, add or name the folders."
        return Check(name, PROBLEM, str(error), REPRO if drawn else mend)
    folders = [f"{split}/{label}" for split in layout.SPLITS for label in layout.CLASS_FOLDERS]
    seen = {folder: _count(config, root / folder) for folder in folders}
    if empty := {folder: passed for folder, (read, passed) in seen.items() if not read}:
        mend = REPRO if drawn else "Put radiographs there, or set data.root in params.yaml."
        if any(empty.values()):
            mend = "Name the folders that links lead into in data.trusted_links, or put files in their place."
        return Check(name, PROBLEM, f"{shown_root} has no file that is read in {', '.join(empty)}", mend)
    shown = ", ".join(f"{folder} {read}" for folder, (read, _) in seen.items())
    unread = sum(passed for _, passed in seen.values())
    passed = f"; passed over {unread}, see reports/validate/issues.csv" if unread else ""
    return Check(name, OK, f"{shown_root}: {shown}{passed}")


def _list_address(root: Path) -> None:
    if addresses.of(root):  # else no package is needed
        from pipeline.files import remote

        remote.mirror(root)


def _count(config: Config, folder: Path) -> tuple[int, int]:
    """Count the files that are read, and what is passed over."""
    from pipeline.files.walk import walk
    from pipeline.validate import intake, links

    if links.is_circle(folder):
        return 0, 1
    files, issues = walk(folder, config.data.trusted_links)
    issues = [issue for issue in issues if issue.issue != "link_followed"]
    places = links.places(config.data.root, files, config.data.trusted_links)
    n_inside = sum(links.inside(path, places) and not intake.is_beside(path) for path in files)
    return n_inside, len(issues) + len(files) - n_inside


def place(config: Config) -> Check:
    """Whether radiographs lie where users put them, while the settings name phantoms."""
    from pipeline.dataset import layout

    if unused := layout.unused(config.data.root, config.paths.phantoms):
        return Check("data.root", WARNING, unused, f"Set data.root: {layout.USERS_ROOT} in params.yaml.")
    return Check("data.root", OK, addresses.shown(config.data.root))


def files(config: Config) -> Check:
    """Whether DVC can hash all that the stages read of the user's."""
    from pipeline.dataset.layout import SPLITS

    splits = () if addresses.of(config.data.root) else SPLITS  # there DVC only lists
    named = (config.data.annotations, config.data.labels, config.validation.pinned_manifest)
    faults: dict[str, list[str]] = {}
    n_seen = 0
    for path in seen_by_dvc([*(config.data.root / split for split in splits), *named]):
        n_seen += 1
        if kind := _fault(path):
            faults.setdefault(kind, []).append(one_line(printable(path)))
    if not faults:
        return Check("files", OK, f"DVC can read all {n_seen}")
    detail = "; ".join(f"{kind} ({len(found)}): {first(found, _N_NAMED)}" for kind, found in faults.items())
    return Check("files", PROBLEM, detail, " ".join(_MENDS[kind] for kind in faults))


def seen_by_dvc(paths: list[Path]) -> Iterator[Path]:
    """Yield paths and everything below them that DVC looks at; links to folders are not followed."""
    ignored = _ignored()
    waiting = [path for path in reversed(paths) if os.path.lexists(path)]
    starts = set(waiting)
    while waiting:
        path = waiting.pop()
        yield path
        if path.is_dir() and (path in starts or not path.is_symlink()):
            waiting += [each for each in _within(path) if not any(fnmatchcase(each.name, i) for i in ignored)]


def _within(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), reverse=True)
    except OSError:
        return []  # told by `_fault` of the folder itself


def _ignored() -> list[str]:
    """Names that DVC passes over, by .dvcignore: patterns of names, one a line."""
    lines = _IGNORED.read_text(encoding="utf-8").splitlines() if _IGNORED.is_file() else []
    return [line.removeprefix("\\") for line in lines if line and not line.startswith("#")]


def _fault(path: Path) -> str:
    """Say what keeps DVC from hashing a file or folder, in the words of ``_MENDS``; or nothing."""
    if not is_utf8(path.name):
        return "names that are no UTF-8"
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "links in a circle"
        return "links to nothing" if path.is_symlink() else "files that cannot be read"
    if stat.S_ISDIR(mode):
        readable = os.access(path, os.R_OK | os.X_OK)
        return "" if readable or path.is_symlink() else "folders that cannot be read"
    if not stat.S_ISREG(mode):
        return "pipes, sockets or devices"
    return "" if os.access(path, os.R_OK) else "files that cannot be read"


def beside(config: Config) -> Check:
    """Whether the files that say more about the radiographs are where the settings name them."""
    paths = {
        "data.annotations": config.data.annotations,
        "data.labels": config.data.labels,
        "validate.pinned_manifest": config.validation.pinned_manifest,
    }
    missing = {key: path for key, path in paths.items() if not path.is_file()}
    name = "annotations and labels"
    if not missing:
        return Check(name, OK, ", ".join(map(str, paths.values())))
    phantoms = config.paths.phantoms
    if not phantoms.is_dir() and all(path.is_relative_to(phantoms) for path in missing.values()):
        return Check(name, WARNING, "not drawn yet", REPRO)
    listed = ", ".join(f"{key}: {path}" for key, path in missing.items())
    mend = "Correct the path; for none: Data/none.coco.json, Data/none.csv and Data/none.manifest.csv."
    return Check(name, PROBLEM, f"missing {listed}", mend)
