"""Outputs that are whole or absent: written aside, flushed, then renamed.

``kill -9`` of ``dvc repro`` would leave its stage alive, and a second one could cache a mixture of both: so a
stage dies with its parent.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import math
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.files import living

_PR_SET_PDEATHSIG = 1
_PRIVATE = re.compile(r"\.(\d+)-(?:old-)?(.+)")  # beside an output: process, output
_MB = 2**20
_CLOCK_S = 10.0  # by which clocks may disagree about when a process started


def die_with_parent(parent: int | None = None, number: int = signal.SIGKILL) -> None:
    """Ask Linux to signal this process when its parent dies; elsewhere, do nothing.

    Linux tells nothing of a parent that died before we asked: told its number, we end at once where it is
    our parent no more. (A pipe of its own would be no sign: threads may keep it open for a moment longer.)
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Yield a private path beside ``path``: the file or folder made there replaces it whole at a clean end.

    The private path has the same suffix. After an exception what is there is removed, and ``path`` is as it
    was.

    Raises
    ------
    NoSpaceError
        The disk was full.
    """
    private = path.with_name(f".{os.getpid()}-{path.name}")
    old = path.with_name(f".{os.getpid()}-old-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear(path)
        yield private
        _flush(private)
        if private.is_dir() and os.path.lexists(path):
            path.replace(old)  # a kill while it is removed leaves no part of it under its name
        private.replace(path)
        _remove(old)
    except Exception as error:
        if is_no_space(error) and not isinstance(error, NoSpaceError):
            raise NoSpaceError(path, private) from error
        raise
    finally:
        _remove(private)


class NoSpaceError(OSError):
    """A file system was full while ``path`` was written."""

    def __init__(self, path: Path, private: Path) -> None:
        here = next(folder for folder in path.absolute().parents if folder.exists())
        free_mb, written_mb = shutil.disk_usage(here).free / _MB, _size(private) / _MB
        super().__init__(
            f"no space left on the disk for {path}. Received: {free_mb:.1f} MB free in {here}, "
            f"{written_mb:.1f} MB written and removed again; what stood there before is untouched. Make room "
            "(`fracture gc` removes what nothing needs any more), then run the same command again."
        )


def is_no_space(error: BaseException | None) -> bool:
    """Whether a full disk, or a user's full share of it, is behind an error; libraries wrap it in theirs."""
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            return True
        if any(words in str(error) for words in (os.strerror(errno.ENOSPC), "disk is full")):
            return True
        error = error.__cause__ or error.__context__
    return False


def left_over(folder: Path) -> dict[Path, str]:
    """Find what `staged` left in a folder when its process was killed, and the output's name of each."""
    found = ((path, _PRIVATE.fullmatch(path.name)) for path in sorted(folder.glob(".[0-9]*-*")))
    return {
        path: parts[2] for path, parts in found if parts is not None and not _is_written(path, int(parts[1]))
    }


def meant_for(path: Path) -> str:
    """Name of the output that a file of `staged` was to become; of another file, its own name."""
    parts = _PRIVATE.fullmatch(path.name)
    return path.name if parts is None else parts[2]


def _clear(path: Path) -> None:
    """Remove what killed processes left of this output; a result that was moved aside comes back first."""
    dead = [left for left, name in left_over(path.parent).items() if name == path.name]
    for left in dead:
        if re.match(r"\.\d+-old-", left.name) and not os.path.lexists(path):
            left.replace(path)
        _remove(left)


def _is_written(path: Path, pid: int) -> bool:
    """Whether the process that a file names writes it yet: no earlier one with this process's number."""
    try:
        return pid != os.getpid() and living.runs(pid, path.lstat().st_mtime + _CLOCK_S)
    except FileNotFoundError:
        return False


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in _files(path))


def _files(path: Path) -> list[Path]:
    each = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [file for file in each if file.is_file()]


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a mapping with sorted keys; floats to six digits, non-finite ones as null."""
    write_text(path, json.dumps(_plain(values), indent=2, sort_keys=True, allow_nan=False) + "\n")


def write_exact_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write what decides later: sorted keys, and floats in full precision."""
    write_text(path, json.dumps(values, indent=2, sort_keys=True) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, in UTF-8."""
    with staged(path) as private:
        private.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a binary file whole."""
    with staged(path) as private:
        private.write_bytes(data)


def sha256(path: Path) -> str:
    """Hash a file, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def _flush(path: Path) -> None:
    for file in _files(path):
        with file.open("rb") as handle:
            os.fsync(handle.fileno())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
