"""The spool: what was accepted, on the disk before anybody is told so.

spool/
  lock                              held by the one node that works on it
  audit.jsonl
  incoming/                         unfinished files; emptied at the start
  removed/                          studies on their way out; emptied at the start
  studies/SHA256 OF THE STUDY UID/
    images/SHA256 OF THE INSTANCE UID.dcm
    exams/0001/                     see `exams`
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from pipeline.node import durable, uids


class NoRoomError(OSError):
    """The spool or its disk has no room for another object."""


class OtherBytesError(ValueError):
    """An instance that is here already came again with other bytes."""


class Room(NamedTuple):
    """Bytes that the spool may hold, and that its disk must keep free."""

    most: float
    free: float


class Spool:
    """The folder of one node; received into by several threads."""

    def __init__(self, folder: Path, room: Room) -> None:
        self.audit_file = folder / "audit.jsonl"
        self._studies, self._incoming, self._removed = (
            folder / name for name in ("studies", "incoming", "removed")
        )
        self._folder, self._room, self._used = folder, room, 0
        self._lock = threading.Lock()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Make the folders, clear what a killed node left unfinished, and keep other nodes out.

        Raises
        ------
        ValueError
            Another node works on this spool, or it can't be written.
        """
        with self._locked() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ValueError(
                    f"one node works on a spool. Received: {self._folder}, which another one holds. End that "
                    "one, or name another folder in node.spool."
                ) from None
            for unfinished in (self._incoming, self._removed):
                shutil.rmtree(unfinished, ignore_errors=True)
            for folder in (self._studies, self._incoming, self._removed):
                durable.make(folder)
            self.measure()
            yield

    def _locked(self) -> IO[str]:
        try:
            self._folder.mkdir(mode=durable.FOLDER_MODE, parents=True, exist_ok=True)
            return (self._folder / "lock").open("a")
        except OSError as error:
            raise ValueError(
                f"node.spool must be a folder that can be written. Received: {self._folder}, "
                f"{error.strerror}."
            ) from None

    def accept(
        self, data: bytes, study_uid: str, instance_uid: str, flushed: Callable[[], None] = lambda: None
    ) -> bool:
        """Keep an object; when this returns it is on the disk.

        Parameters
        ----------
        flushed
            Called before anybody else sees a new object; where it raises, nothing of it is kept.

        Returns
        -------
        bool
            Whether it is new; False where the same bytes are here already.

        Raises
        ------
        ValueError
            A UID is none.
        OtherBytesError
            The instance is here with other bytes, which stay.
        NoRoomError, OSError
            There is no room, and nothing of it is kept.
        """
        study = self._studies / uids.digest(study_uid)
        path = study / "images" / f"{uids.digest(instance_uid)}.dcm"
        with self._lock:
            if path.exists():
                return self._came_again(path, data)
            self._check_room(len(data))
            try:
                for folder in (study, path.parent):
                    durable.make(folder)
                durable.write(path, data, self._incoming, flushed)
            except OSError:
                _remove_empty(path.parent, study)
                raise
            self._used += len(data)
        return True

    def studies(self) -> list[Path]:
        """List the folders of all studies."""
        return sorted(self._studies.iterdir())

    def remove(self, study: Path, images: list[str]) -> bool:
        """Remove a study, unless it has other images by now."""
        gone = self._removed / study.name
        with self._lock:
            if image_names(study) != images:
                return False
            study.rename(gone)
            durable.sync(self._studies)
        shutil.rmtree(gone)
        return True

    def measure(self) -> None:
        """Count the bytes of the spool anew."""
        used = sum(_size(Path(folder) / name) for folder, _, names in os.walk(self._folder) for name in names)
        with self._lock:
            self._used = used

    def _came_again(self, path: Path, data: bytes) -> bool:
        if path.read_bytes() != data:
            raise OtherBytesError("an instance must come with the bytes that it came with before")
        os.utime(path)  # its study is not quiet yet
        return False

    def _check_room(self, n_bytes: int) -> None:
        free = shutil.disk_usage(self._folder).free
        if self._used + n_bytes > self._room.most or free - n_bytes < self._room.free:
            raise NoRoomError(f"no room for {n_bytes} bytes: {self._used} are used, {free} free on the disk")


def image_names(study: Path) -> list[str]:
    """Name the images of a study, in order; those that are still written have no such name."""
    folder = study / "images"
    return sorted(path.name for path in folder.glob("*.dcm")) if folder.is_dir() else []


def _remove_empty(*folders: Path) -> None:
    """Remove folders in which nothing is."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # gone since
        return 0
