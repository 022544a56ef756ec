"""The folder a command writes: new, or all its own; a user's file is never replaced."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path


def check(
    out: Path, outputs: Collection[str], inputs: Iterable[Path], *, newer: Collection[str] = ()
) -> Path:
    """Refuse a folder that holds anything but what the command wrote there before.

    Parameters
    ----------
    out
        Where the command is to write; it replaces the folder whole.
    outputs
        Names of all that it writes there.
    inputs
        Files and folders that it reads.
    newer
        Those of its outputs that earlier versions did not write.

    Returns
    -------
    Path
        The folder, absolute.

    Raises
    ------
    ValueError
        The folder holds something else, or holds an input.
    """
    folder = out.resolve()
    if within := [path for path in inputs if _real(path).is_relative_to(folder)]:
        raise ValueError(f"--out must lie apart from what is read. Received: {out}, which holds {within[0]}.")
    if folder.exists():
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else {folder.name}
        if names and not set(outputs) - set(newer) <= names <= set(outputs):
            other = min(names - set(outputs), default="only a part of an earlier result")
            raise ValueError(
                f"--out must be new, empty or an earlier result. Received: {out}, with {other}. "
                "Name another folder; nothing was written."
            )
    return folder


def _real(path: Path) -> Path:
    """Follow links; one in a circle, at which `Path.resolve` raises, stays."""
    return Path(os.path.realpath(path))
