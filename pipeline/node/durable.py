"""Files that outlast a kill and a loss of power: on the disk before they bear their name, for one user alone.

A rename is atomic, but neither it nor the bytes behind it are on the disk before both the file and its folder
were flushed (fsync(2), rename(2)).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FOLDER_MODE = 0o700


def make(folder: Path) -> None:
    """Make a folder that only its user may enter; one that is there stays."""
    if not folder.is_dir():
        folder.mkdir(mode=FOLDER_MODE)
        sync(folder.parent)


def write(
    path: Path, data: bytes, within: Path | None = None, flushed: Callable[[], None] = lambda: None
) -> None:
    """Write a file whole: it stands on the disk when this returns, and nowhere when this raises.

    Parameters
    ----------
    within
        Folder of the same file system for the unfinished file; by default that of the file.
    flushed
        Called when the bytes are on the disk and do not bear the name yet; where it raises, they never do.
    """
    number, private = tempfile.mkstemp(dir=within or path.parent, prefix=".")
    try:
        with os.fdopen(number, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        flushed()
        Path(private).rename(path)
    except BaseException:
        Path(private).unlink(missing_ok=True)
        raise
    try:
        sync(path.parent)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a small JSON file whole."""
    write(path, (json.dumps(values, sort_keys=True) + "\n").encode())


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder with its files whole, once; what a killed process left of it goes first."""
    private = path.with_name(f".{path.name}")
    shutil.rmtree(private, ignore_errors=True)
    make(private)
    for name, data in files.items():
        write(private / name, data)
    private.rename(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Flush a folder: the names in it are on the disk."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def append(path: Path, line: str) -> None:
    """Append a line and flush it; a line that a kill tore ends before it."""
    data = f"{line}\n".encode()
    number = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        end = os.lseek(number, 0, os.SEEK_END)
        if end and os.pread(number, 1, end - 1) != b"\n":
            data = b"\n" + data
        written = os.write(number, data)
        if written != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(number)
    finally:
        os.close(number)
