"""Candidate copies by a perceptual hash, and pairs joined to groups: arrays in, arrays out.

`copies` lays every candidate pair over one another, since a large set would otherwise collapse into one
group.

References
----------
C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.types import Float32Array, Float64Array, Int64Array, UInt8Array, UInt64Array
from pipeline.validate import hamming

N_VARIANTS = 8  # flips and right-angle rotations

_SIDE = 8  # low frequencies a side: 64 bits
_FINE_PX = 2.0
_NOISE_LEVELS = 4.0  # grey levels: what is fainter is noise, and not amplified
_AT_ONCE = 4096  # radiographs or pairs: bounds memory
_LIKELY = 0.5  # correlation of aligned fine structure; that of copies is seldom below 0.85

Pixel = TypeVar("Pixel", bound=np.generic)


def transform(pixels: NDArray[Pixel], variant: int) -> NDArray[Pixel]:
    """Flip and transpose: variant bit 0 reverses the rows, bit 1 the columns, bit 2 transposes first.

    Parameters
    ----------
    pixels
        Shape (..., n, n).
    variant
        0 (nothing) to 7.
    """
    if variant & 4:
        pixels = pixels.swapaxes(-1, -2)
    if variant & 1:
        pixels = pixels[..., ::-1, :]
    return pixels[..., ::-1] if variant & 2 else pixels


def hashes(thumbnails: UInt8Array) -> UInt64Array:
    """Hash every thumbnail in its 8 flips and right-angle rotations, all from one cosine transform.

    A flip changes the sign of the odd frequencies, a transposition swaps them; so the bits, which
    are the signs of the 63 lowest frequencies, follow without another transform. Signs do not
    depend on brightness and contrast.

    Parameters
    ----------
    thumbnails
        uint8, shape (n_radiographs, n, n).

    Returns
    -------
    ndarray of uint64, shape (n_radiographs, 8)
        Column v is the hash of ``transform(thumbnail, v)``.
    """
    low = np.concatenate([_low_frequencies(part) for part in _parts(thumbnails)])
    low[:, 0, 0] = 0  # the mean brightness is no structure
    signs = (-1.0) ** np.arange(_SIDE)
    columns = []
    for variant in range(N_VARIANTS):
        turned = low.swapaxes(1, 2) if variant & 4 else low
        turned = turned * signs[:, None] if variant & 1 else turned
        turned = turned * signs if variant & 2 else turned
        bits = (turned > 0).reshape(-1, _SIDE * _SIDE)
        columns.append(np.packbits(bits, axis=1).view(np.uint64)[:, 0])
    return np.stack(columns, axis=1)


def candidates(codes: UInt64Array, distance: int) -> Int64Array:
    """Find the pairs whose hashes differ by at most ``distance`` of 64 bits in any variant.

    Returns
    -------
    ndarray of int64, shape (n_candidates, 3)
        First and second radiograph (first < second), and the variant that turns the first into the second.
    """
    return np.concatenate([np.zeros((0, 3), np.int64), *hamming.near_pairs(codes, distance)])


def correlations(thumbnails: UInt8Array, pairs: Int64Array) -> Float64Array:
    """Correlate the fine structure of the candidates after turning the first onto the second.

    Grey levels alone would take two patients' hands on the same bright plate for copies: their
    correlation reaches 0.97. After local contrast normalisation it stays below 0.8, and that of
    true copies above 0.9, whatever was done to brightness, contrast and size.

    Returns
    -------
    ndarray of float64, shape (n_candidates,)
        Pearson's correlation, -1 to 1; 0 where a thumbnail is flat.
    """
    return np.concatenate([_correlated(thumbnails, part) for part in _parts(pairs)])


def likely(thumbnails: UInt8Array, distance: int) -> tuple[Int64Array, Float64Array]:
    """Find the pairs that may be copies: re-encoded, resized, flipped, turned by right angles.

    Thumbnails are those of `hashes`, aspect not kept; the results are those of `candidates` within a distance
    of bits and of `correlations`.
    """
    pairs = candidates(hashes(thumbnails), distance)
    values = correlations(thumbnails, pairs)
    return pairs[values >= _LIKELY], values[values >= _LIKELY]


def equal_pairs(keys: Sequence[str]) -> Int64Array:
    """Link each key's first row to its later rows, shape (n_links, 2); empty keys are unknown."""
    first: dict[str, int] = {}
    links = [(first.setdefault(key, row), row) for row, key in enumerate(keys) if key]
    return np.array([link for link in links if link[0] != link[1]], dtype=np.int64).reshape(-1, 2)


def components(n_radiographs: int, *links: Int64Array) -> Int64Array:
    """Join linked radiographs: equal numbers, (n_radiographs,), for those that a chain of links connects."""
    edges = np.concatenate([np.zeros((0, 2), np.int64), *links])
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n_radiographs, n_radiographs))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _parts(rows: NDArray[Pixel]) -> Iterator[NDArray[Pixel]]:
    return (rows[start : start + _AT_ONCE] for start in range(0, max(1, len(rows)), _AT_ONCE))


def _low_frequencies(thumbnails: UInt8Array) -> Float32Array:
    low = dctn(thumbnails.astype(np.float32), axes=(1, 2))[:, :_SIDE, :_SIDE]
    return np.array(low, np.float32)


def _correlated(thumbnails: UInt8Array, pairs: Int64Array) -> Float64Array:
    needed, position = np.unique(pairs[:, :2], return_inverse=True)
    detail = _detail(thumbnails[needed])
    values = [
        np.vdot(transform(detail[first], variant), detail[second])
        for (first, second), variant in zip(position.reshape(-1, 2), pairs[:, 2], strict=True)
    ]
    return np.array(values, dtype=np.float64)


def _detail(thumbnails: UInt8Array) -> Float32Array:
    """Fine structure as strong in the dark as in the light; each with mean 0 and norm 1."""
    values = thumbnails.astype(np.float32)
    values -= gaussian_filter(values, (0, _FINE_PX, _FINE_PX))
    values /= np.sqrt(gaussian_filter(values**2, (0, 2 * _FINE_PX, 2 * _FINE_PX))) + _NOISE_LEVELS
    values -= values.mean(axis=(1, 2), keepdims=True)
    norm = np.sqrt((values**2).sum(axis=(1, 2), keepdims=True))
    return np.asarray(values / np.maximum(norm, np.finfo(np.float32).tiny), np.float32)
