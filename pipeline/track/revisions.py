"""What git and DVC keep of another revision, read without checking it out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.track.repository import LOCK_FILE

if TYPE_CHECKING:
    from dvc.api import DVCFileSystem

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Revision:
    """The files of a revision, git's and DVC's alike.

    Attributes
    ----------
    commit
        Its hash.
    stages
        The entries of its ``dvc.lock``, by stage; none where nothing was reproduced.
    """

    commit: str
    stages: Mapping[str, Mapping[str, Any]]
    files: DVCFileSystem

    def read(self, path: Path) -> bytes | None:
        """Read a file; None where there is none, or DVC has its bytes neither here nor at its remote."""
        return _read(self.files, path)


def at(name: str | None) -> Revision | None:
    """Open a git revision or a DVC experiment; None opens the working folder.

    Returns
    -------
    Revision or None
        None where there is no such revision.
    """
    from dvc.api import DVCFileSystem
    from dvc.scm import RevError
    from dvc.utils.serialize import parse_yaml

    files = DVCFileSystem(rev=name)
    try:
        commit = str(files.repo.get_rev())
    except RevError:
        return None
    lock = _read(files, LOCK_FILE)
    stages = parse_yaml(lock.decode(), str(LOCK_FILE)).get("stages", {}) if lock else {}
    return Revision(commit, stages, files)


def _read(files: DVCFileSystem, path: Path) -> bytes | None:
    from dvc.exceptions import DvcException

    try:
        return bytes(files.cat_file(path.as_posix()))
    except (OSError, DvcException) as error:
        log.debug("%s cannot be read: %s", path, error)
        return None
