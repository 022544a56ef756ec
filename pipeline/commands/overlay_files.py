"""Files of overlays: named as their radiographs where the file system allows it, else shortened."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

from pipeline import addresses
from pipeline.files import images, outputs
from pipeline.files.printable import printable
from pipeline.types import UInt8Array
from pipeline.validate import intake

log = logging.getLogger(__name__)

_KEPT = 24  # characters of a shortened name: at most 96 bytes


def write(folder: Path, path: Path, shared: Path, picture: UInt8Array) -> str | None:
    """Write a radiograph's overlay, and return its path below the folder; None where it cannot be written.

    Parameters
    ----------
    folder
        Where overlays lie.
    path
        The radiograph.
    shared
        The folder that all radiographs share.
    picture
        RGB, (height_px, width_px, 3).

    Raises
    ------
    OSError
        The disk is full.
    """
    problem: OSError | None = None
    for name in (full_name(path, shared), short_name(path)):
        try:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(folder / name):  # where letters' case makes no difference
                images.write(folder / name, picture)
                return printable(name.as_posix())
        except OSError as error:
            if outputs.is_no_space(error):  # no other name helps
                raise
            problem = error
    log.warning("%s: its overlay cannot be written: %s", printable(path), problem)
    return None


def full_name(path: Path, shared: Path) -> Path:
    """Name an overlay by the radiograph's path below the folder that all files share, and ``.jpg``.

    The suffix is added and not exchanged, so that ``1.png`` and ``1.dcm`` keep their own overlays.
    """
    below = intake.absolute(path).relative_to(shared)
    return below.with_name(f"{addresses.name(below)}.jpg")


def short_name(path: Path) -> Path:
    """Name an overlay by the first letters of the radiograph's name and a hash of its path."""
    digest = hashlib.sha256(os.fsencode(intake.absolute(path))).hexdigest()[:16]
    return Path(f"{printable(path.name)[:_KEPT]}-{digest}.jpg")
