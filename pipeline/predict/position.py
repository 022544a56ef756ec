"""Where a region lies, for words: which third along its bone, and which side of the image.

The bone's axis is that of the local structure around the region. It is followed both ways, turning with
the structure, until the brightness falls to halfway between bone and what lies beside it, or to the
image's edge. Where structure has no direction, or what is followed is not longer than wide, there is no
axis to speak of, and no third is named. What is followed may be more than one bone in a line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from pipeline.files import resize
from pipeline.types import Float32Array, Float64Array, UInt8Array

Third = Literal["upper", "middle", "lower", "left", "right"]
Side = Literal["left", "centre", "right"]

_SIDES = {
    "left": "left half of the image",
    "centre": "midline of the image",
    "right": "right half of the image",
}
_SIDE_PX = 256  # the longer side of the copy that is measured
_MIDLINE = 0.05  # share of the width, on either side of the middle, that is neither left nor right
_COHERENCE = 0.3  # of the structure around the region, 0..1; with less it has no direction
_ELONGATED = 1.5  # a bone that is followed for less than so many widths has no axis
_CONTRAST = 8  # grey levels between bone and what lies beside it
_REACH_PX = 18.0  # standard deviation of the window that is "around the region"
_TURN_PX = 8.0  # and of the window that the followed line turns by
_GAP_PX = 7  # a dark gap that is stepped over, such as a fracture


@dataclass(frozen=True)
class Position:
    """Where a region lies.

    Attributes
    ----------
    side
        Of the image: not of the patient, whose left may be either.
    third
        Along the bone as far as it is seen: ``upper``, ``middle`` or ``lower`` for a bone that is rather
        upright in the image, ``left``, ``middle`` or ``right`` for one that lies; None where the axis
        cannot be known.
    """

    side: Side
    third: Third | None

    @property
    def words(self) -> str:
        """Say where it lies: along its bone, where that is known, and in the image."""
        along = "no clear bone axis" if self.third is None else f"{self.third} third of the bone as seen"
        return f"{along}, {_SIDES[self.side]}"


def locate(pixels: UInt8Array, peak: tuple[int, int]) -> Position:
    """Say where a region lies.

    Parameters
    ----------
    pixels : uint8 ndarray of shape (H, W)
        The radiograph, bone brighter than air.
    peak : tuple of int
        (row, column) of the region's peak.

    Raises
    ------
    ValueError
        The peak lies outside the radiograph.

    References
    ----------
    Bigun and Granlund, Optimal orientation detection of linear symmetry, ICCV 1987 (structure tensor).
    """
    row, column = peak
    if not (0 <= row < pixels.shape[0] and 0 <= column < pixels.shape[1]):
        raise ValueError(f"a peak must lie in its radiograph of {pixels.shape}. Received: {peak}")
    offset = (column + 0.5) / pixels.shape[1] - 0.5
    side: Side = "centre" if abs(offset) <= _MIDLINE else "left" if offset < 0 else "right"
    scale = min(1.0, _SIDE_PX / max(pixels.shape))
    small = resize.within(pixels, _SIDE_PX, exactly=True)
    smooth = np.asarray(cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.5), np.float32)
    point = np.minimum((np.array(peak) + 0.5) * scale, np.array(smooth.shape) - 1)
    return Position(side, _third(smooth, point))


def _third(smooth: Float32Array, point: Float64Array) -> Third | None:
    """Third along the bone through a point (row, column), or None."""
    tensor = _structure(smooth)
    direction, coherence = _axis(tensor, point, _REACH_PX)
    if coherence < _COHERENCE:
        return None
    level, width, contrast = _bone(smooth, point, direction)
    if contrast < _CONTRAST:
        return None
    field = np.stack([cv2.GaussianBlur(part, (0, 0), _TURN_PX) for part in tensor])
    is_upright = abs(direction[0]) >= abs(direction[1])
    direction = direction * np.sign(direction[0 if is_upright else 1])  # downwards, or to the right
    before, after = (_follow(smooth, field, point, sign * direction, level) for sign in (-1, 1))
    if before + after < _ELONGATED * width:
        return None
    share = before / (before + after)
    names: tuple[Third, Third, Third] = (
        ("upper", "middle", "lower") if is_upright else ("left", "middle", "right")
    )
    return names[min(int(3 * share), 2)]


def _structure(smooth: Float32Array) -> Float32Array:
    """Products of the gradient's parts, down and across: (3, H, W)."""
    down, across = cv2.Sobel(smooth, cv2.CV_32F, 0, 1), cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    return np.stack([down * down, down * across, across * across])


def _axis(tensor: Float32Array, point: Float64Array, reach_px: float) -> tuple[Float64Array, float]:
    """Direction (row, column) along the structure around a point, and how clear it is, 0..1."""
    rows, columns = np.indices(tensor.shape[1:])
    distance = (rows - point[0]) ** 2 + (columns - point[1]) ** 2
    weight = np.exp(-distance / (2 * reach_px**2))
    return _along(np.array([(part * weight).sum() for part in tensor], np.float64))


def _along(parts: Float64Array) -> tuple[Float64Array, float]:
    """Direction across the gradients of a structure tensor (3,), and its coherence."""
    values, vectors = np.linalg.eigh(np.array([[parts[0], parts[1]], [parts[1], parts[2]]]))
    total = float(values.sum())
    return vectors[:, 0], float((values[1] - values[0]) / total) if total > 0 else 0.0


def _bone(smooth: Float32Array, point: Float64Array, direction: Float64Array) -> tuple[float, float, float]:
    """Brightness halfway between the bone at a point and what lies beside it, its width, its contrast."""
    across = np.array([-direction[1], direction[0]])
    steps = np.arange(-_SIDE_PX // 4, _SIDE_PX // 4 + 1)
    profile = _sample(smooth, point + steps[:, None] * across)
    near = np.abs(steps) <= 6
    bone, other = float(np.nanmax(profile[near])), float(np.nanpercentile(profile, 10))
    level = (bone + other) / 2
    beside = np.flatnonzero(~(profile >= level))
    centre = len(steps) // 2
    first, last = beside[beside < centre], beside[beside > centre]
    width = (last.min() if len(last) else len(steps)) - (first.max() if len(first) else -1)
    return level, float(width), bone - other


def _follow(
    smooth: Float32Array, field: Float32Array, point: Float64Array, direction: Float64Array, level: float
) -> float:
    """How many pixels the bone goes on from a point, following the structure."""
    place, reached, gap = point.copy(), 0.0, 0
    for step in range(1, 2 * _SIDE_PX):
        place = place + direction
        value = _sample(smooth, place[None])[0]
        if np.isnan(value):
            break
        gap = 0 if value >= level else gap + 1
        if gap > _GAP_PX:
            break
        if not gap:
            reached = float(step)
        row, column = place.astype(int)
        turned, coherence = _along(field[:, row, column].astype(np.float64))
        turned = turned if turned @ direction > 0 else -turned
        if coherence > _COHERENCE and turned @ direction > 0.9:  # ends of bones turn sharply: go straight on
            direction = (0.8 * direction + 0.2 * turned) / np.linalg.norm(0.8 * direction + 0.2 * turned)
    return reached


def _sample(smooth: Float32Array, points: Float64Array) -> Float64Array:
    """Brightness at points (N, 2); NaN beyond the edges."""
    rows, columns = points.astype(int).T
    inside = (points >= 0).all(axis=1) & (rows < smooth.shape[0]) & (columns < smooth.shape[1])
    values = np.full(len(points), np.nan)
    values[inside] = smooth[rows[inside], columns[inside]]
    return values
