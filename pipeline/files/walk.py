"""The files of a folder and of all folders below it, and what is passed over on the way."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pipeline.files.faults import Issue
from pipeline.files.printable import first

_OF_SYSTEMS = {  # in small letters: beside these, all that is hidden
    "#recycle", "#snapshot", "$recycle.bin", "@__thumb", "@eadir", "@recently-snapshot", "@recycle", "@tmp",
    "__macosx", "__pycache__", "desktop.ini", "ehthumbs.db", "ehthumbs_vista.db", "lost+found", "recycler",
    "system volume information", "thumbs.db",
}  # fmt: skip
_UNFINISHED = (".crdownload", ".download", ".filepart", ".part", ".partial")  # downloads
_SHOWN = 3  # names of passed over files that an issue tells


def walk(folder: Path, trusted: Sequence[Path] | None = None) -> tuple[list[Path], list[Issue]]:
    """List the files of a folder and of all folders below it.

    The folder itself may be a link, or hidden. Below it links to files are listed. Links to folders are
    followed where a trusted folder holds what they lead to, and none of it is read already.

    Parameters
    ----------
    trusted
        Folders that the user vouches for: ``data.trusted_links``; None where no setting is heard.

    Returns
    -------
    files : list of Path
        In order of path, each beginning with ``folder`` as given. Reading them may still fail.
    issues : list of Issue
        In order of path: ``passed_over`` (hidden, or a system's own), ``link_skipped`` (a link to
        nothing, in a circle, or to a folder), ``link_followed``, ``not_a_file`` (a pipe, socket or device)
        and ``unreadable`` (a folder). Their ``path`` begins with ``folder``, too, and is not yet printable.
    """
    files: list[Path] = []
    issues: list[Issue] = []
    waiting, ends = [folder], {os.path.realpath(folder)}
    while waiting:
        found, skipped, linked = _walk(waiting.pop())
        files += found
        issues += skipped
        for path in linked:
            if reason := _why_not(path, trusted, ends):
                issues.append(_link(path, reason))
            else:
                issues.append(Issue.of(str(path), "link_followed", ""))
                waiting.append(path)
                ends.add(os.path.realpath(path))
    return sorted(files), sorted(issues)


def _walk(folder: Path) -> tuple[list[Path], list[Issue], list[Path]]:
    """List files, what is passed over, and, in order of path, links to folders."""
    files: list[Path] = []
    issues: list[Issue] = []
    linked: list[Path] = []
    errors: list[OSError] = []
    for directory, below, names in os.walk(folder, onerror=errors.append):
        here = Path(directory)
        hidden = "a folder that is hidden, or a system's own"
        issues += [Issue.of(str(here / name), "passed_over", hidden) for name in below if is_foreign(name)]
        issues += _hidden_files(here, names)
        below[:] = [name for name in below if not is_foreign(name)]
        linked += [here / name for name in below if (here / name).is_symlink()]
        for path in (here / name for name in names if not is_foreign(name)):
            if (issue := _no_file(path)) is None:
                files.append(path)
            else:
                issues.append(issue)
    return files, [*issues, *map(_unreadable, errors)], sorted(linked)


def _why_not(path: Path, trusted: Sequence[Path] | None, ends: set[str]) -> str:
    """Say why a linked folder is not followed, or nothing: each one followed is new, so that circles end."""
    end = Path(os.path.realpath(path))
    if Path(os.path.realpath(path.parent)).is_relative_to(end):
        return "to a folder that it lies in"
    if trusted is None:
        return "to a folder, not followed"
    if not any(end.is_relative_to(os.path.realpath(place)) for place in trusted):
        return "to a folder that data.trusted_links does not name"
    return "" if ends.isdisjoint(map(str, (end, *end.parents))) else "to a folder that is read already"


def above(name: str) -> Path | None:
    """Find the folder that holds something of this name: the working folder, or the next one above it."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / name).exists()), None)


def is_foreign(name: str) -> bool:
    """Whether a file or folder of this name is hidden, an unfinished download, or a system's own."""
    small = name.lower()
    return small.startswith((".", "~$")) or small.endswith(_UNFINISHED) or small in _OF_SYSTEMS


def _hidden_files(here: Path, names: Iterable[str]) -> Iterator[Issue]:
    """One issue for all such files of a folder: macOS leaves one beside each file on a foreign disk."""
    hidden = sorted(name for name in names if is_foreign(name))
    if hidden:
        detail = f"hidden, unfinished, or a system's own: {first(hidden, _SHOWN)}"
        yield Issue.of(str(here), "passed_over", detail)


def _link(path: Path, what: str) -> Issue:
    return Issue.of(str(path), "link_skipped", f"a link {what}")


def _no_file(path: Path) -> Issue | None:
    """Say why it is no file to read; what cannot be asked is left to its reader."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        where = {errno.ENOENT: "to nothing", errno.ELOOP: "in a circle"}.get(error.errno or 0)
        return _link(path, where) if where and path.is_symlink() else None
    if stat.S_ISREG(mode):
        return None
    return Issue.of(str(path), "not_a_file", "a pipe, socket or device; it was not opened")


def _unreadable(error: OSError) -> Issue:
    return Issue.of(
        str(error.filename), "unreadable", f"the folder cannot be read: {error.strerror or error}"
    )
