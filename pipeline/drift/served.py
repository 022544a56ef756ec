"""Radiographs of a served model: one line a radiograph, described as in a profile of a data set.

A line holds no name, no hash, no time, and no picture larger than 8 x 8 pixels. The file is named by the
day, so that whoever keeps them can compare a week with the champion's data, and delete what is old.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from pipeline.dataset import profile
from pipeline.dataset.profile import Profile
from pipeline.files.images import Radiograph
from pipeline.validate import pyramid

log = logging.getLogger(__name__)

SUFFIX = ".jsonl"
FOLDER_VARIABLE = "FRACTURE_SEEN"  # of the environment: folder of a server's records; unset: none


def note(folder: Path, radiograph: Radiograph, n_bytes: int) -> None:
    """Add a line for a radiograph to today's file.

    Parameters
    ----------
    folder
        Made where it is missing.
    n_bytes
        Size of the file that it came in.
    """
    height_px, width_px = radiograph.pixels.shape
    row = {
        "group": "", "sha256": "", "n_bytes": n_bytes, "format": radiograph.format, "mode": radiograph.mode,
        "height_px": height_px, "width_px": width_px,
    }  # fmt: skip
    one = profile.build(pd.DataFrame([row]), [pyramid.build(radiograph.pixels).thumbnail])
    line = json.dumps({name: values[0].tolist() for name, values in one.sample.items()}, sort_keys=True)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y-%m-%d}{SUFFIX}"
    with path.open("a+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        is_torn = end and file.read(1) != b"\n"  # by a kill or a full disk: it spoils no line but itself
        begin = b"\n" if is_torn else b""
        file.write(begin + line.encode() + b"\n")  # one short write: workers do not tear each other's


def read(path: Path) -> Profile:
    """Read the lines of one day, or of all days in a folder, as a profile.

    Equal lines are one radiograph, sent again. Turned copies of one are told apart by nobody: their
    pictures are not kept. A line that broke off as it was written is left out, and the log says so.

    Raises
    ------
    ValueError
        There is no line, or a line is none of ours.
    """
    days = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    every = [line for day in days for line in day.read_text(encoding="utf-8").splitlines()]
    lines = [line for line in every if line.endswith("}")]
    if not lines:
        raise ValueError(f"{path} must hold what a server has seen. Received: no line of it.")
    if len(lines) < len(every):
        log.warning(
            "drift: %d lines broke off as they were written, and are left out", len(every) - len(lines)
        )
    try:
        chosen = [json.loads(line) for line in _choose(lines)]
        sample = {name: profile.column(name, [row[name] for row in chosen]) for name in max(chosen, key=len)}
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} must hold what `fracture serve --seen` writes. Received: {error!r}."
        ) from error
    return Profile(len(lines), len(set(lines)), sample)


def _choose(lines: Iterable[str]) -> list[str]:
    """Choose as `profile.choose` does: those with the smallest hashes, whatever their order."""
    return sorted(set(lines), key=lambda line: hashlib.sha256(line.encode()).digest())[: profile.MOST]
