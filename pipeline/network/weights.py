"""The weights of a stored network, read without TensorFlow."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np

WEIGHTS = "model.weights.h5"  # in a .keras file


def non_finite(path: Path) -> list[str]:
    """Name the weights of a ``.keras`` file that are NaN or infinite.

    Raises
    ------
    ValueError
        The file is damaged, or no ``.keras`` file.
    """
    names: list[str] = []

    def collect(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and not np.isfinite(item[()]).all():
            names.append(name.removeprefix("layers/"))

    try:
        with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read(WEIGHTS))) as weights:
            weights.visititems(collect)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} must be a whole .keras file: {error}. Run `dvc checkout`.") from error
    return names
