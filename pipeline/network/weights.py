"""The weights of a stored network, read without TensorFlow."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

WEIGHTS = "model.weights.h5"  # in a .keras file


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Read the weights of a ``.keras`` file by their paths in it.

    Raises
    ------
    ValueError
        The file is damaged, or no ``.keras`` file.
    """
    found: dict[str, NDArray[Any]] = {}

    def collect(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    try:
        with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read(WEIGHTS))) as weights:
            weights.visititems(collect)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} must be a whole .keras file: {error}. Run `dvc checkout`.") from error
    return found


def widened(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read the weights that are no whole numbers as `read` does, narrow ones in 32 bits."""
    return {name: each.astype(np.float32) for name, each in read(path).items() if each.dtype.kind == "f"}


def non_finite(path: Path) -> list[str]:
    """Name the weights of a ``.keras`` file that are NaN or infinite.

    Raises
    ------
    ValueError
        As for `read`.
    """
    return [name.removeprefix("layers/") for name, each in read(path).items() if not np.isfinite(each).all()]
