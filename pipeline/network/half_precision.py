"""A stored network with its large kernels in 16-bit floats: near half the bytes, answers that hardly differ.

Keras computes in the precision that the archive's layers name: kernels are widened where they are loaded.
Vectors (biases, batch statistics) stay as they are: they are few, and a variance may be too small for that.
So do small kernels, those of the first layers and of single channels: they are few, too, and rounding them
moves an answer most.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np

from pipeline.network import archive
from pipeline.network.weights import WEIGHTS

_SMALL = 0.005  # share of all weights, below which a kernel stays as it is


def halve(source: Path, target: Path) -> None:
    """Write a copy of a ``.keras`` file with narrow kernels; equal bytes for equal weights.

    Raises
    ------
    ValueError
        A kernel holds numbers beyond 65,504, the largest of 16 bits.
    """
    with zipfile.ZipFile(source) as whole:
        entries = {name: whole.read(name) for name in whole.namelist()}
    entries[WEIGHTS] = _halved(entries[WEIGHTS])
    archive.write(target, entries)


def _halved(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(io.BytesIO(data)) as source, h5py.File(buffer, "w") as target:
        large = _SMALL * _count(source)

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Group):
                made = target.require_group(name)
            else:
                values = item[()]
                is_large = values.ndim > 1 and values.size >= large
                made = target.create_dataset(name, data=_narrow(name, values) if is_large else values)
            made.attrs.update(item.attrs)

        target.attrs.update(source.attrs)
        source.visititems(copy)
    return buffer.getvalue()


def _count(source: h5py.File) -> int:
    """Count the weights of all layers."""
    sizes: list[int] = []
    source.visititems(lambda _, item: sizes.append(item.size) if isinstance(item, h5py.Dataset) else None)
    return sum(sizes)


def _narrow(name: str, values: np.ndarray) -> np.ndarray:
    if values.dtype != np.float32:
        return values
    if not (np.abs(values) <= np.finfo(np.float16).max).all():
        raise ValueError(f"{name} must fit into 16 bits. Received: up to {np.abs(values).max()}.")
    return values.astype(np.float16)
