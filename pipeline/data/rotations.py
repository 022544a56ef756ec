"""Radiographs that are small rotations of one another: arrays in, pairs out.

In polar coordinates about the centre, a rotation is a shift and a mirror image a reversal, so one
Fourier transform compares two radiographs at every angle. What a rotation leaves alone, the
strength of each angular frequency at each radius, finds the candidates. Rotations about the
centre are found, whatever the angle and the black corners; for crops that move the centre see ``copies``.

References
----------
B. S. Reddy, B. N. Chatterji, "An FFT-based technique for translation, rotation, and
scale-invariant image registration", IEEE Transactions on Image Processing 5 (1996),
doi 10.1109/83.506761.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

N_RADII = 32
N_ANGLES = 128

_DISC_SHARE = 0.96  # of the largest disc: its rim is lost when a rotated picture is cut
_BLIND_RADII = 3  # at the centre all angles are one pixel
_FREQUENCIES = slice(1, 24)  # of the angle; the mean is left out
_FINE = 2.0  # radii: width of the structure that is compared
_NOISE_LEVELS = 4.0  # grey levels: what is fainter is noise, and not amplified
_N_BINS = N_ANGLES // 2 + 1
_LIKELY = 0.6  # correlation at the best angle; that of rotations about the centre is seldom below 0.85
_NEIGHBOURS = 16  # candidates of each radiograph; families hold together by neighbours of neighbours
_CHUNK = 1024

UInt8Array = NDArray[np.uint8]
FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


def polar(pixels: UInt8Array) -> UInt8Array:
    """Unroll the largest disc about the centre.

    Parameters
    ----------
    pixels
        uint8, shape (height_px, width_px).

    Returns
    -------
    ndarray of uint8, shape (32, 128)
        Rows are radii from the centre out, columns angles.
    """
    scale = 3 * N_RADII / min(pixels.shape)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in pixels.shape[::-1]]
        how = cv2.INTER_LINEAR if scale >= 0.5 else cv2.INTER_AREA  # as good there, and five times as fast
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=how), dtype=np.uint8)
    centre = ((pixels.shape[1] - 1) / 2, (pixels.shape[0] - 1) / 2)
    radius = _DISC_SHARE * min(pixels.shape) / 2
    unrolled = cv2.warpPolar(pixels, (N_RADII, N_ANGLES), centre, radius, cv2.INTER_LINEAR)
    return np.ascontiguousarray(unrolled.T, dtype=np.uint8)


class Turned(NamedTuple):
    """Pairs that a rotation about the centre may lay over one another.

    Attributes
    ----------
    pairs
        int64, shape (n_pairs, 2): first and second radiograph, first < second.
    correlations
        float64, shape (n_pairs,): of fine structure at the best angle.
    angles
        float64, shape (n_pairs,): radians, from columns towards rows, that turn the first onto the second.
    mirrored
        bool, shape (n_pairs,): whether the first's rows are to be reversed before it is turned.
    """

    pairs: IntArray
    correlations: NDArray[np.float64]
    angles: NDArray[np.float64]
    mirrored: NDArray[np.bool_]


def likely(unrolled: UInt8Array) -> Turned:
    """Find the pairs that a rotation about the centre, mirrored or not, may lay over one another.

    Parameters
    ----------
    unrolled
        uint8, shape (n_radiographs, 32, 128); see `polar`.
    """
    spectra = _spectra(unrolled)
    pairs, correlations, angles, mirrored = turned(spectra, _candidates(spectra))
    chosen = correlations >= _LIKELY
    return Turned(pairs[chosen], correlations[chosen], angles[chosen], mirrored[chosen])


def turned(spectra: NDArray[np.complex64], pairs: IntArray) -> Turned:
    """Correlate pairs at all angles, mirrored or not, and keep the best of each.

    Parameters
    ----------
    spectra
        complex64, shape (n_radiographs, 32, 65): Fourier transforms over the angle of fine
        structure with norm 1.
    pairs
        int64, shape (n_pairs, 2).
    """
    best, value = np.zeros((2, len(pairs)))
    for start in range(0, len(pairs), _CHUNK):
        part = slice(start, start + _CHUNK)
        first, second = spectra[pairs[part].T]
        rotated = np.einsum("nra,nra->na", first, second.conj())
        mirrored = np.einsum("nra,nra->na", first, second)
        shifts = np.fft.irfft(np.concatenate([rotated, mirrored], axis=1).reshape(-1, 2, _N_BINS), n=N_ANGLES)
        by_shift = shifts.reshape(-1, 2 * N_ANGLES)
        best[part], value[part] = by_shift.argmax(axis=1), by_shift.max(axis=1)
    is_mirrored = best >= N_ANGLES
    angles = (best % N_ANGLES) * 2 * np.pi / N_ANGLES
    return Turned(pairs, value, np.where(is_mirrored, angles, -angles), is_mirrored)


def _spectra(unrolled: UInt8Array) -> NDArray[np.complex64]:
    """Transform many, some at a time: what lies between is larger than the answer."""
    spectra = np.empty((len(unrolled), N_RADII, _N_BINS), np.complex64)
    for start in range(0, len(unrolled), _CHUNK):
        part = slice(start, start + _CHUNK)
        spectra[part] = _transformed(unrolled[part])
    return spectra


def _transformed(unrolled: UInt8Array) -> NDArray[np.complex64]:
    """Transform the fine structure, as strong in the dark as in the light, a pixel of the disc as one."""
    values = unrolled.astype(np.float32)
    values -= _smooth(values, _FINE)
    values /= np.sqrt(np.maximum(_smooth(values**2, 2 * _FINE), 0)) + _NOISE_LEVELS
    weight = np.sqrt(np.arange(N_RADII, dtype=np.float32) + 0.5)  # arcs grow with the radius
    weight[:_BLIND_RADII] = 0
    values *= weight[:, None]
    norm = np.sqrt((values**2).sum(axis=(1, 2), keepdims=True))
    found: NDArray[np.complex64] = np.fft.rfft(values / np.maximum(norm, 1e-6), axis=2).astype(np.complex64)
    return found


def _smooth(values: FloatArray, width: float) -> FloatArray:
    """Blur by the same length along the radius and along the arc, which is a wider angle further in."""
    along_radius = gaussian_filter1d(values, width, axis=1, mode="nearest")
    arc = 2 * np.pi * (np.arange(N_RADII) + 0.5) / N_ANGLES
    widths = np.minimum(width / arc, N_ANGLES / 4)[:, None]
    frequencies = np.arange(N_ANGLES // 2 + 1) / N_ANGLES
    damping = np.exp(-2 * (np.pi * frequencies * widths) ** 2).astype(np.float32)
    spectra = np.fft.rfft(along_radius, axis=2) * damping
    return np.fft.irfft(spectra, n=N_ANGLES, axis=2).astype(np.float32)


def _candidates(spectra: NDArray[np.complex64]) -> IntArray:
    """Pair each radiograph with those nearest to it in what a rotation leaves alone."""
    n_radiographs = len(spectra)
    if n_radiographs < 2:
        return np.zeros((0, 2), np.int64)
    strength = np.abs(spectra[:, :, _FREQUENCIES]).reshape(n_radiographs, -1)
    strength -= strength.mean(axis=0)
    strength /= np.maximum(np.linalg.norm(strength, axis=1, keepdims=True), 1e-6)
    n_neighbours = min(_NEIGHBOURS, n_radiographs - 1)
    found = []
    for start in range(0, n_radiographs, _CHUNK):
        likeness = strength[start : start + _CHUNK] @ strength.T
        own = np.arange(start, start + len(likeness))
        likeness[own - start, own] = -np.inf
        nearest = np.argpartition(-likeness, n_neighbours - 1, axis=1)[:, :n_neighbours]
        found.append(np.column_stack([np.repeat(own, n_neighbours), nearest.ravel()]))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)
