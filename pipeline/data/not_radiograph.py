"""How unlike a radiograph a picture is: pixels in, a score and a kind out.

Radiographs are smooth: their edges are as wide as a focal spot and scattered photons make them, their air is
dark and reaches the frame, and the limb runs out of the picture. Photographs are rough all over, what a
computer draws has steps of one pixel between flat areas, and a slice of a body lies round and whole on black.
Fourteen numbers hold that, and a softmax of them, fitted by ``benchmarks/not_radiograph.py``, weighs them.

What it can and what it cannot tell is measured in docs/not_radiograph.md. Dental films are radiographs, and
score as such; so do many slices that fill their frame, and most photographs in grey.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

LOOK_PX = 256  # pictures are judged on a copy with this longer side
KINDS = ("photograph", "drawing", "cross_section")

_DARK, _WHITE = 24, 240  # grey levels: what counts as air, and as paper
_RING_SHARE = 0.03  # of a side: what counts as frame
_RUN_PX = 9  # a straight line along a side is at least this long
_RUN_STEP = 24  # grey levels from one pixel to the next
_SHAPE_PX = 64  # the outline is looked at on a copy of this side
_ROUND = (0.80, 0.92)  # a square has 0.785, a head 0.9 and more
_SOLID = (0.7, 0.9)
_BLOCKS_PX = (2, 4, 8)
_MAX_COLOUR = 8.0

FloatArray = NDArray[np.float64]
UInt8Array = NDArray[np.uint8]


class Judgement(NamedTuple):
    """How unlike a radiograph a picture is (0 to 1), and what it is most like among `KINDS`."""

    score: float
    kind: str


# name: lowest and highest value in the fit, beyond which nothing more is read from a number; then the weight
# for each of `KINDS`, against a radiograph.
MODEL: dict[str, tuple[float, float, float, float, float]] = {
    "sharp": (0, 0.77272, 19.266, 15.213, -4.6471),
    "very_sharp": (0, 0.66883, 14.677, 21.816, 20.119),
    "rough": (0.0020005, 0.83352, 11.5, 7.7681, 12.062),
    "flat_mid": (0, 0.85147, -5.4251, -5.6532, -7.1599),
    "flat_white": (0, 0.90493, -8.2266, 1.7114, 3.9548),
    "straight": (0, 0.12678, -37.162, -17.92, -28.381),
    "contrast": (7.1869, 114.88, -0.13042, -0.10014, -0.019365),
    "fine": (-1.3362, 0.28742, -6.3208, -2.868, -2.6078),
    "middle": (-2.2964, -0.58937, -5.1727, -5.1675, 2.4905),
    "ring_dark": (0, 1, -3.3927, -1.3456, 1.9407),
    "round": (0.37743, 0.99309, 24.032, 11.379, 5.98),
    "solid": (0.17366, 1, 6.0764, 9.4031, -0.98384),
    "island": (0, 1, -2.5543, 0.56297, 4.2977),
    "colour": (0, 8, 1.3947, 1.0026, 1.0789),
}
INTERCEPTS = (-32.056, -26.286, -6.7252)


def judge(pixels: UInt8Array, colour: float) -> Judgement:
    """Score a picture.

    Parameters
    ----------
    pixels
        uint8, shape (height_px, width_px), both sides at least 2.
    colour
        See `images.Radiograph`.

    Returns
    -------
    Judgement
        The score is the softmax probability of all `KINDS` together. It is no probability in the user's
        data: how common such pictures are there is not known.
    """
    table = np.array(list(MODEL.values()))
    values = np.clip(features(pixels, colour), table[:, 0], table[:, 1])
    logits = np.array(INTERCEPTS) + values @ table[:, 2:]
    odds = np.exp(np.minimum(logits, 50.0))
    return Judgement(float(odds.sum() / (1 + odds.sum())), KINDS[int(logits.argmax())])


def features(pixels: UInt8Array, colour: float) -> FloatArray:
    """Measure a picture, in the order of `MODEL`.

    Parameters
    ----------
    pixels, colour
        See `judge`.

    Returns
    -------
    ndarray of float64, shape (14,)
        ``sharp``, ``very_sharp`` (of the pixels where brightness changes, the share where it does so by more
        than 32 and 48 levels from one pixel to the next), ``rough`` (share of pixels with a step of more
        than 8), ``flat_mid``, ``flat_white`` (share of pixels equal to their neighbours), ``straight``
        (share of pixels on a straight sharp line along a side), ``contrast`` (standard deviation), ``fine``
        (log10 of the variance within 2 x 2 blocks over that between them in 4 x 4 blocks), ``middle`` (log10
        of the share of the variance between 4 and 8 pixels), ``ring_dark`` (share of air along the frame),
        ``round``, ``solid`` (of what is not air: roundness of its hull, and how much of the hull it fills),
        ``island`` (all three together), ``colour``.
    """
    look = _look(pixels)
    here = look[:-1, :-1]
    down, right = _difference(look[1:, :-1], here), _difference(look[:-1, 1:], here)
    step = np.maximum(down, right)
    ring_dark = _dark_ring(look)
    roundness, solidity = _outline(look)
    island = ring_dark * _ramp(roundness, _ROUND) * _ramp(solidity, _SOLID)
    frame = (ring_dark, roundness, solidity, island)
    edges = (*_steps(step), *_flat(here, step), _straight(down, right))
    return np.array([*edges, *_detail(look), *frame, min(colour, _MAX_COLOUR)])


def _look(pixels: UInt8Array) -> UInt8Array:
    """Scale down by area, so that a step stays as sharp as the eye sees it; never below 16 pixels a side."""
    scale = min(1.0, LOOK_PX / max(pixels.shape))
    size = [max(16, round(side * scale)) for side in pixels.shape[::-1]]
    if size == list(pixels.shape[::-1]):
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _difference(first: UInt8Array, second: UInt8Array) -> UInt8Array:
    return np.asarray(cv2.absdiff(first, second), dtype=np.uint8)


def _steps(step: UInt8Array) -> tuple[float, float, float]:
    counts = cv2.calcHist([step], [0], None, [256], [0, 256]).ravel()
    above = 1 - np.cumsum(counts) / step.size
    edges = max(above[4], 0.01)
    return above[32] / edges, above[48] / edges, above[8]


def _flat(levels: UInt8Array, step: UInt8Array) -> tuple[float, float]:
    flat = levels[step == 0]
    white = np.count_nonzero(flat >= _WHITE)
    dark = np.count_nonzero(flat <= _DARK)
    return (len(flat) - white - dark) / levels.size, white / levels.size


def _straight(down: UInt8Array, right: UInt8Array) -> float:
    along = np.ones((_RUN_PX, 1), np.uint8)
    found = 0
    for step, line in ((right, along), (down, along.T)):
        sharp = cv2.threshold(step, _RUN_STEP, 1, cv2.THRESH_BINARY)[1]
        found += cv2.countNonZero(cv2.erode(sharp, line, borderType=cv2.BORDER_CONSTANT, borderValue=0))
    return found / down.size


def _dark_ring(look: UInt8Array) -> float:
    rows, columns = (max(2, round(_RING_SHARE * side)) for side in look.shape)
    sides = (look[:rows], look[-rows:], look[:, :columns], look[:, -columns:])
    return float(np.mean([np.count_nonzero(side <= _DARK) / side.size for side in sides]))


def _detail(look: UInt8Array) -> tuple[float, float, float]:
    """Split the variance by scale: what block means lose of it lies in details smaller than the block."""
    contrast = _deviation(look)
    left = [contrast**2]
    for size in _BLOCKS_PX:
        shape = [max(1, round(side / size)) for side in look.shape[::-1]]
        blocks = cv2.resize(look, shape, interpolation=cv2.INTER_AREA)
        left.append(_deviation(np.asarray(blocks, dtype=np.uint8)) ** 2)
    share = np.log10(np.maximum(-np.diff(left), 0) / (left[0] + 1) + 1e-4)
    return contrast, float(share[0] - share[1]), float(share[2])


def _outline(look: UInt8Array) -> tuple[float, float]:
    small = cv2.resize(look, (_SHAPE_PX, _SHAPE_PX), interpolation=cv2.INTER_AREA)
    outlines, _ = cv2.findContours((small > _DARK).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return 0.0, 1.0
    largest = max(outlines, key=cv2.contourArea)
    hull = cv2.convexHull(largest)
    area, around = max(cv2.contourArea(hull), 1.0), max(cv2.arcLength(hull, closed=True), 1.0)
    return 4 * np.pi * area / around**2, cv2.contourArea(largest) / area


def _ramp(value: float, ends: tuple[float, float]) -> float:
    """0 up to the first of the ends, 1 from the second on."""
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)


def _deviation(values: UInt8Array) -> float:
    """Give the standard deviation; OpenCV's is ten times as fast as NumPy's."""
    return float(cv2.meanStdDev(values)[1][0, 0])
