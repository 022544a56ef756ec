"""What a set of radiographs looks like, in one small file: a sample of independent ones, described.

The model bundle carries the profile of the data that it was trained on, so that new radiographs can be
compared with them wherever the bundle is. It holds no names and no picture larger than 8 x 8 pixels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.files import outputs

MOST = 1000  # radiographs described: with more, differences too small to matter would stand out
_PICTURE_PX = 8
_DIGITS = 6  # significant ones

_KINDS = ("format", "mode")
_LABEL, _PICTURE = "fractured", "picture"


@dataclass(frozen=True)
class Profile:
    """The description of a set of radiographs.

    Attributes
    ----------
    files, groups
        Number of radiographs, and of independent groups among them.
    sample
        By property, one value for each of at most 1,000 groups:
        ``height_px``, ``width_px``, ``aspect`` (height / width), ``bytes_per_pixel`` of the file;
        ``brightness``, ``contrast`` (standard deviation), ``sharpness`` (mean step to the next pixel) of the
        thumbnail in grey levels; ``format`` and ``mode``, text; ``picture``, uint8, shape (n, 64), the
        thumbnail at 8 x 8 pixels; and ``fractured``, bool, where labels are known.
    """

    files: int
    groups: int
    sample: Mapping[str, NDArray[Any]]

    @property
    def described(self) -> int:
        """Number of radiographs in the sample."""
        return len(next(iter(self.sample.values())))


def choose(files: pd.DataFrame) -> pd.DataFrame:
    """Choose what is described, one radiograph a group: that with the smallest hash, whatever its name.

    Parameters
    ----------
    files
        One row a radiograph: ``group``, ``sha256``.
    """
    return files.sort_values("sha256").drop_duplicates("group").head(MOST)


def build(files: pd.DataFrame, thumbnails: Sequence[NDArray[np.uint8]]) -> Profile:
    """Describe the radiographs that `choose` chooses, in its order.

    Parameters
    ----------
    files
        One row a radiograph: ``group``, ``sha256``, ``n_bytes``, ``format``, ``mode``, ``height_px``,
        ``width_px`` and, where known, ``fractured``.
    thumbnails
        In the order of the rows, uint8, shape (64, 64).

    Raises
    ------
    ValueError
        There is no radiograph.
    """
    if files.empty:
        raise ValueError("a profile needs radiographs. Received: none. See what was left out, and why.")
    chosen = choose(files.assign(row=np.arange(len(files))))
    own = np.stack([thumbnails[row] for row in chosen["row"]])
    height_px, width_px = (chosen[name].to_numpy(np.float64) for name in ("height_px", "width_px"))
    sample = {
        "height_px": height_px,
        "width_px": width_px,
        "aspect": height_px / width_px,
        "bytes_per_pixel": chosen["n_bytes"].to_numpy(np.float64) / (height_px * width_px),
        **_grey(own),
        **{name: chosen[name].to_numpy(np.str_) for name in _KINDS},
        _PICTURE: _small(own),
    }
    if _LABEL in chosen:
        sample[_LABEL] = chosen[_LABEL].to_numpy(np.bool_)
    rounded = {
        name: _rounded(values) if values.dtype.kind == "f" else values for name, values in sample.items()
    }
    return Profile(len(files), int(files["group"].nunique()), rounded)


def write(profile: Profile, path: Path) -> None:
    """Write a profile: equal bytes for equal radiographs."""
    sample = {name: values.tolist() for name, values in profile.sample.items()}
    values = {"files": profile.files, "groups": profile.groups, "sample": sample}
    outputs.write_text(path, json.dumps(values, sort_keys=True, separators=(",", ":")) + "\n")


def read(path: Path) -> Profile:
    """Read a profile.

    Raises
    ------
    ValueError
        The file is no profile.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        sample = {name: column(name, values["sample"][name]) for name in values["sample"]}
        profile = Profile(int(values["files"]), int(values["groups"]), sample)
        lengths = {len(column) for column in sample.values()}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no profile: {error!r}. `dvc repro validate` writes one.") from error
    if len(lengths) != 1:
        raise ValueError(
            f"{path} is no profile: its columns differ in length. `dvc repro validate` writes one."
        )
    return profile


def column(name: str, values: list[Any]) -> NDArray[Any]:
    """Return a property's values, as they were written, in its own type."""
    if name in _KINDS:
        return np.array(values, np.str_)
    return np.array(values, {_LABEL: np.bool_, _PICTURE: np.uint8}.get(name, np.float64))


def _grey(thumbnails: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    levels = thumbnails.astype(np.float32)  # exact, but for the digits that are not written
    steps = [np.abs(np.diff(levels, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2)]
    return {
        "brightness": levels.mean(axis=(1, 2), dtype=np.float64),
        "contrast": levels.std(axis=(1, 2)),
        "sharpness": (steps[0] + steps[1]) / 2,
    }


def _small(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average square cells: (n, 64)."""
    n_radiographs, side, _ = thumbnails.shape
    cell = side // _PICTURE_PX
    cells = thumbnails.reshape(n_radiographs, _PICTURE_PX, cell, _PICTURE_PX, cell)
    return np.asarray(np.rint(cells.mean(axis=(2, 4))), np.uint8).reshape(n_radiographs, -1)


def _rounded(values: NDArray[Any]) -> NDArray[np.float64]:
    """Round before anything is compared: what is read again must tie with what was not written yet."""
    return np.array([float(f"{value:.{_DIGITS}g}") for value in values])
