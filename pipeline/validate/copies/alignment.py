"""How one radiograph lies on another: affine transforms from keypoints, refined on pixels.

Arrays in, arrays out. A transform is a float64 array of shape (2, 3) that maps (column, row, 1) of the
first thumbnail to (column, row) of the second.

References
----------
G. D. Evangelidis, E. Z. Psarakis, "Parametric Image Alignment Using Enhanced
Correlation Coefficient Maximization", IEEE Transactions on Pattern Analysis and Machine Intelligence 30
(2008), doi 10.1109/TPAMI.2008.113.
"""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.types import BoolArray, Float32Array, Float64Array, Int64Array
from pipeline.validate.copies.keypoints import Keypoints

MIN_SCALE, MAX_SCALE = 0.5, 2.0
MAX_STRETCH = 1.6  # of one direction against the other: a picture squashed into a square

_NEAREST = 5  # keypoints of either that may match one of the other
_TOLERANCES_PX = (10.0, 7.0, 5.0, 4.0, 3.0)  # from a guess by a few to a fit by all
_MIN_MATCHES = 12  # with fewer, the guess is given up
_RIDGE = 1e-6
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 8, 1e-3)  # steps; gain in correlation

Pixel = TypeVar("Pixel", np.uint8, np.float32)
Transform = Float64Array
Detail = tuple[Float32Array, BoolArray]
Described = tuple[Keypoints, Float32Array]


def by_keypoints(first: Described, second: Described, guess: Transform) -> Transform | None:
    """Fit a transform to the matched keypoints that agree with a guess, then to those that agree with it.

    Parameters
    ----------
    first, second
        Keypoints, and their `invariants`.
    guess
        Right to within `_TOLERANCES_PX`, for some of the keypoints.

    Returns
    -------
    ndarray of float64, shape (2, 3), or None
        None where too few agree.
    """
    here, there = _mutual(first[1], second[1])
    places = np.column_stack([first[0].places[here], np.ones(len(here))])
    others = second[0].places[there].astype(np.float64)
    moves = guess.T
    for tolerance_px in _TOLERANCES_PX:
        apart = places @ moves - others
        agreeing = np.flatnonzero(np.einsum("ij,ij->i", apart, apart) < tolerance_px**2)
        if len(agreeing) < _MIN_MATCHES:
            return None
        moves = _fitted(places[agreeing], others[agreeing])
    transform = np.ascontiguousarray(moves.T)
    return transform if plausible(transform) else None


def from_frames(variant: int, first_shape: tuple[int, ...], second_shape: tuple[int, ...]) -> Transform:
    """Lay frame on frame, as hashes compare thumbnails.

    Parameters
    ----------
    variant
        Flips and transposition that turn the first into the second; see ``duplicates.transform``.
    first_shape, second_shape
        (n_rows, n_columns) of the thumbnails.
    """
    u, v = (0, 1) if variant & 4 else (1, 0)  # which of the first's axes, as shares of the frame, goes where
    signs = np.array([-1 if variant & 2 else 1, -1 if variant & 1 else 1])
    size, other_size = (np.array(shape[1::-1], dtype=np.float64) for shape in (first_shape, second_shape))
    linear = np.zeros((2, 2))
    linear[[0, 1], [1 - u, 1 - v]] = signs * other_size
    linear /= size
    middle, other_middle = (size - 1) / 2, (other_size - 1) / 2
    return np.column_stack([linear, other_middle - linear @ middle])


def turned_in_frame(
    near: Transform, first_shape: tuple[int, ...], second_shape: tuple[int, ...]
) -> Transform:
    """Give the nearest transform that turns or mirrors about the middle, then lays frame on frame.

    Parameters
    ----------
    near
        From the first's (column, row) to the second's.
    first_shape, second_shape
        (n_rows, n_columns) of the thumbnails.
    """
    forced = from_frames(0, first_shape, second_shape)
    before, _, after = np.linalg.svd(chained(near, inverse(forced))[:, :2])
    turn, middle = before @ after, (np.array(first_shape[1::-1]) - 1) / 2
    return chained(np.column_stack([turn, middle - turn @ middle]), forced)


def apart_px(one: Transform, other: Transform, shape: tuple[int, ...]) -> float:
    """Measure how far apart two transforms take the corners of a frame, at most."""
    corners = np.array([[column, row, 1] for column in (0, shape[1]) for row in (0, shape[0])])
    return float(np.linalg.norm(corners @ (one - other).T, axis=1).max())


def refined(first: Detail, second: Detail, transform: Transform, *, inverted: bool) -> Transform:
    """Move a transform to where fine structure correlates best; as it was where that does not converge.

    Parameters
    ----------
    first, second
        Fine structure, and where it counts; see `thumbnails.detail`.
    transform
        Right to within a few pixels.
    inverted
        Whether one is a photographic negative of the other.
    """
    (here, here_counts), (there, there_counts) = first, second
    where, there_where = here_counts.view(np.uint8), there_counts.view(np.uint8)
    start = np.ascontiguousarray(transform, dtype=np.float32)
    try:
        _, converged = cv2.findTransformECCWithMask(
            here, -there if inverted else there, where, there_where, start, cv2.MOTION_AFFINE, _STOP, 1
        )
    except cv2.error:  # nothing overlaps, or it does not converge
        return transform
    better = np.asarray(converged, dtype=np.float64)
    return better if plausible(better) else transform


def warped(second: NDArray[Pixel], transform: Transform, shape: tuple[int, ...]) -> NDArray[Pixel]:
    """Lay the second picture onto the first; 0 where it does not reach.

    Parameters
    ----------
    second
        Any picture, shape (n_rows, n_columns) or (n_rows, n_columns, 3).
    transform
        From the first's (column, row) to the second's.
    shape
        Of the first: (n_rows, n_columns).
    """
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(second, transform, (shape[1], shape[0]), flags=how), dtype=second.dtype)


def plausible(transform: Transform) -> bool:
    """Whether scale and stretch are such as people's tools make."""
    stretches = np.linalg.svd(transform[:, :2], compute_uv=False)
    scale = float(np.sqrt(stretches.prod()))
    return MIN_SCALE <= scale <= MAX_SCALE and float(stretches[0]) <= MAX_STRETCH * float(stretches[1])


def scaling(file: tuple[int, ...], picture: tuple[int, ...]) -> Transform:
    """Matrix from (column, row) of a file to that of its picture; centres of pixels are whole numbers."""
    across, down = picture[1] / file[1], picture[0] / file[0]
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])


def scaled(transform: Transform, size: float) -> Transform:
    """Turn a transform between thumbnails into one between the same thumbnails scaled by ``size``."""
    shift = transform[:, 2] + (transform[:, :2].sum(axis=1) - 1) * (1 / size - 1) / 2
    return np.column_stack([transform[:, :2], shift * size])


def chained(*transforms: Transform) -> Transform:
    """Apply one transform after the other, the first one first."""
    whole = np.eye(3)
    for transform in transforms:
        whole = np.vstack([transform, [0, 0, 1]]) @ whole
    return whole[:2]


def inverse(transform: Transform) -> Transform:
    """Turn a transform into the one back."""
    back: Transform = np.linalg.inv(np.vstack([transform, [0, 0, 1]]))[:2]
    return back


def described(transform: Transform) -> tuple[float, float, bool]:
    """Measure how a transform turns (degrees, anticlockwise as seen), scales, and whether it mirrors rows."""
    linear = transform[:, :2]
    size = float(np.linalg.det(linear))
    straight = linear @ np.diag([1, -1]) if size < 0 else linear
    degrees = -np.degrees(np.arctan2(straight[1, 0] - straight[0, 1], straight[0, 0] + straight[1, 1]))
    return round(float(degrees), 2) + 0.0, round(float(np.sqrt(abs(size))), 4), size < 0


def _mutual(first: Float32Array, second: Float32Array) -> tuple[Int64Array, Int64Array]:
    """Match the keypoints that are among each other's nearest: along a bone's edge many are alike."""
    if not len(first) or not len(second):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    likeness = first @ second.T
    mutual = likeness >= _least_of_foremost(likeness)[:, None]
    mutual &= likeness >= _least_of_foremost(np.ascontiguousarray(likeness.T))  # sorting goes by rows
    here, there = np.divmod(np.flatnonzero(mutual), len(second))  # many times as fast as in two dimensions
    return here, there


def _least_of_foremost(likeness: Float32Array) -> Float32Array:
    """Give what the last of the nearest few reaches, in each row."""
    place = max(0, likeness.shape[1] - _NEAREST)
    least: Float32Array = np.partition(likeness, place, axis=1)[:, place]
    return least


def _fitted(places: Float64Array, others: Float64Array) -> Float64Array:
    """Fit by least squares; points in a row leave the stretch across it at nothing.

    Parameters
    ----------
    places, others
        (column, row, 1), and (column, row) of the other thumbnail.

    Returns
    -------
    ndarray of float64, shape (3, 2)
        A transform, transposed.
    """
    (xx, xy, x), (_, yy, y), (_, _, n) = (places.T @ places).tolist()  # so few numbers are faster in Python
    (xu, xv), (yu, yv), (u, v) = (places.T @ others).tolist()
    ridge = _RIDGE * (xx - x * x / n + yy - y * y / n) + _RIDGE
    xx, xy, yy = xx - x * x / n + ridge, xy - x * y / n, yy - y * y / n + ridge
    xu, xv, yu, yv = xu - x * u / n, xv - x * v / n, yu - y * u / n, yv - y * v / n
    size = xx * yy - xy * xy
    to_u = (yy * xu - xy * yu) / size, (xx * yu - xy * xu) / size
    to_v = (yy * xv - xy * yv) / size, (xx * yv - xy * xv) / size
    shift = [(u - x * to_u[0] - y * to_u[1]) / n, (v - x * to_v[0] - y * to_v[1]) / n]
    return np.array([[to_u[0], to_v[0]], [to_u[1], to_v[1]], shift])
