"""Keypoints that survive what people do to radiographs: arrays in, arrays out.

About each keypoint the picture is unrolled into polar coordinates. There a rotation is a shift and a
mirror image a reversal, and a photographic negative changes the sign; so the strength of each angular
frequency at each radius is the same in all of them, and of many such centres a crop spares some.

References
----------
T. Tuytelaars, K. Mikolajczyk, "Local Invariant Feature Detectors: A Survey", Foundations and Trends in
Computer Graphics and Vision 3 (2008), doi 10.1561/0600000017.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.files import resize
from pipeline.types import Float32Array, Int8Array, UInt8Array
from pipeline.validate.copies import thumbnails

N_ANGLES = 16
_RADII_PX = np.array([1.5, 3.0, 4.7, 6.6, 8.8, 11.2], np.float32)
_N_FREQUENCIES = 7  # of the angle; higher ones are noise at this resolution
_N_RADII = len(_RADII_PX)
N_INVARIANTS = (_N_RADII + (_N_RADII - 1) + (_N_RADII - 2)) * _N_FREQUENCIES

_LEVELS = ((2 / 3, 64), (8 / 15, 40), (32 / 75, 24))  # scale of the thumbnail, most keypoints: steps of 0.8
_SPACING = np.ones((5, 5), np.uint8)  # a keypoint is the strongest in such a window
_RIM_PX = 4  # beside a margin: its edge is no structure
_FAINT = 0.4  # relief below is noise
_NOISE_LEVELS = 2.0
_STEPS = 40.0  # of the stored integers: relief up to 3.2 of its own deviation

_ANGLES = 2 * np.pi * np.arange(N_ANGLES) / N_ANGLES
_COLUMN_OFFSETS = np.outer(_RADII_PX, np.cos(_ANGLES)).ravel().astype(np.float32)
_ROW_OFFSETS = np.outer(_RADII_PX, np.sin(_ANGLES)).ravel().astype(np.float32)
_WAVES = np.outer(_ANGLES, np.arange(_N_FREQUENCIES))
_TO_SPECTRUM = np.hstack([np.cos(_WAVES), -np.sin(_WAVES)]).astype(np.float32)  # real, then imaginary parts


class Keypoints(NamedTuple):
    """Up to 128 keypoints of one radiograph, the most distinct of each scale first: at most 14 kB.

    Attributes
    ----------
    places
        float32, shape (n_keypoints, 2): column and row on the thumbnail.
    scales
        float32, shape (n_keypoints,): of the copy of the thumbnail that each was detected on, 0 to 1.
    patches
        int8, shape (n_keypoints, 6, 16): relief about the keypoint, radii by angles.
    """

    places: Float32Array
    scales: Float32Array
    patches: Int8Array


NO_KEYPOINTS = Keypoints(
    np.zeros((0, 2), np.float32), np.zeros(0, np.float32), np.zeros((0, len(_RADII_PX), N_ANGLES), np.int8)
)


def describe(small: UInt8Array) -> Keypoints:
    """Find and describe the most distinct points of a thumbnail.

    Parameters
    ----------
    small
        uint8, shape (n_rows, n_columns); see `thumbnails.shrink`.
    """
    inside = thumbnails.content(small).view(np.uint8)
    by_scale = [_at_scale(small, inside, scale, n_most) for scale, n_most in _LEVELS]
    rank = [np.arange(len(each.places)) / n_most for each, (_, n_most) in zip(by_scale, _LEVELS, strict=True)]
    order = np.argsort(np.concatenate(rank), kind="stable")
    return Keypoints(*(np.concatenate(part)[order] for part in zip(*by_scale, strict=True)))


def invariants(patches: Int8Array) -> Float32Array:
    """Describe patches by what rotations, mirror images and negatives leave alone.

    A rotation shifts the phases of one frequency at all radii by as much, so that they stay as they are to
    one another; a mirror image changes the sign of what is between them, a negative of all of them.

    Parameters
    ----------
    patches
        int8, shape (n_keypoints, 6, 16).

    Returns
    -------
    ndarray of float32, shape (n_keypoints, 105)
        With norm 1: strengths of 7 angular frequencies at 6 radii, then of what any two
        radii beside one another, and any two but one apart, have in common of each frequency.
    """
    spectra = patches.reshape(-1, N_ANGLES).astype(np.float32) @ _TO_SPECTRUM
    parts = spectra.reshape(len(patches), _N_RADII, 2, _N_FREQUENCIES)
    real, imaginary = parts[:, :, 0], parts[:, :, 1]
    products = [np.sqrt(real * real + imaginary * imaginary)]
    for apart in (1, 2):
        common = real[:, :-apart] * real[:, apart:] + imaginary[:, :-apart] * imaginary[:, apart:]
        products.append(np.copysign(np.sqrt(np.abs(common)), common))
    flat = np.concatenate(products, axis=1).reshape(len(patches), N_INVARIANTS)
    normed: Float32Array = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return normed


def turns(first: Int8Array, second: Int8Array, *, mirrored: bool) -> tuple[Float32Array, Float32Array]:
    """Turn patches onto their matches.

    Parameters
    ----------
    first, second
        int8, shape (n_matches, 6, 16).
    mirrored
        Whether to take the first ones' mirror images.

    Returns
    -------
    angles : ndarray of float32, shape (n_matches,)
        Radians, at which they are most alike.
    alike : ndarray of float32, shape (n_matches,)
        Correlation there, 0 to 1; a negative correlates negatively, which is as good.
    """
    one, other = _spectra(first), _spectra(second)
    cross = ((one if mirrored else one.conj()) * other).sum(axis=1)
    alike = np.abs(np.fft.irfft(cross, n=N_ANGLES, axis=1)).astype(np.float32)
    each, best = np.arange(len(alike)), alike.argmax(axis=1)
    before, at, after = (alike[each, (best + step) % N_ANGLES] for step in (-1, 0, 1))
    bend = np.minimum(before - 2 * at + after, -1e-6)  # the peak of the parabola through the three
    peak = best + (before - after) / (2 * bend)
    return (peak * (2 * np.pi / N_ANGLES)).astype(np.float32), at


def _spectra(patches: Int8Array) -> NDArray[np.complex64]:
    """Transform patches of norm 1 over the angle: complex64, shape (n_keypoints, 6, 9)."""
    values = patches.astype(np.float32)
    values /= np.maximum(np.sqrt((values**2).sum(axis=(1, 2), keepdims=True)), 1e-6)
    return np.fft.rfft(values, axis=2).astype(np.complex64)


def _at_scale(small: UInt8Array, inside: UInt8Array, scale: float, n_most: int) -> Keypoints:
    """Find the strongest blobs, bright or dark, on a smaller copy of the thumbnail."""
    shape = [side * scale for side in small.shape]
    relief = _relief(resize.to_shape(small, shape, cv2.INTER_LINEAR))
    strength = np.abs(relief)
    peaks = strength == cv2.dilate(strength, _SPACING)
    peaks &= strength > _FAINT
    whole = resize.to_shape(inside, shape, cv2.INTER_NEAREST).view(bool)
    peaks &= thumbnails.without_rim(whole, _RIM_PX)
    # Five times as fast as in two dimensions.
    rows, columns = np.divmod(np.flatnonzero(peaks), peaks.shape[1])
    strongest = np.argsort(-strength[rows, columns], kind="stable")[:n_most]
    places = np.column_stack([columns[strongest], rows[strongest]]).astype(np.float32)
    scales = np.full(len(places), scale, np.float32)
    return Keypoints((places + 0.5) / np.float32(scale) - 0.5, scales, _patches(relief, places))


def _relief(small: UInt8Array) -> Float32Array:
    """Show what stands out, as strong in the dark as in the light; box filters are fast."""
    values = small.astype(np.float32)
    values = cv2.blur(values, (3, 3)) - cv2.blur(values, (9, 9))
    power = np.maximum(cv2.blur(values * values, (15, 15)), 0)  # rounding leaves it below 0 in places
    return np.asarray(values / (np.sqrt(power) + _NOISE_LEVELS), dtype=np.float32)


def _patches(relief: Float32Array, places: Float32Array) -> Int8Array:
    """Unroll the surroundings of each place; beyond the frame there is nothing."""
    shape = (len(places), len(_RADII_PX), N_ANGLES)
    if not len(places):
        return np.zeros(shape, np.int8)
    columns = places[:, :1] + _COLUMN_OFFSETS
    rows = places[:, 1:] + _ROW_OFFSETS
    patches = cv2.remap(relief, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    steps: Int8Array = np.clip(np.rint(patches * _STEPS), -127, 127).astype(np.int8)
    return steps.reshape(shape)
