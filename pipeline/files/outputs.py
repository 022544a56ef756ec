"""Outputs that are whole or absent: written aside, flushed, then renamed.

``kill -9`` of ``dvc repro`` leaves its stage alive, and a second ``repro`` could then cache a
mixture of both. So a stage dies with its parent, and nothing stands under its final name
before it is complete.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import math
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent dies; elsewhere, do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Yield a private path beside ``path`` that takes its place at a clean end.

    Parameters
    ----------
    path
        Where the file or the folder is to stand. What stood there is replaced whole.

    Yields
    ------
    Path
        A sibling with the same suffix, not yet there: create a file or a folder under it.
        After an exception it is removed, and ``path`` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    private = path.with_name(f".{os.getpid()}-{path.name}")
    old = path.with_name(f".{os.getpid()}-old-{path.name}")
    _remove(private)
    _remove(old)
    try:
        yield private
        _flush(private)
        if private.is_dir() and os.path.lexists(path):
            path.replace(old)  # a kill while it is removed leaves no part of it under its name
        private.replace(path)
        _remove(old)
    finally:
        _remove(private)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a mapping with sorted keys; floats to six digits, non-finite ones as null."""
    with staged(path) as private:
        text = json.dumps(_plain(values), indent=2, sort_keys=True, allow_nan=False)
        private.write_text(text + "\n", encoding="utf-8")


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
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
