"""How unlike a radiograph a picture is: pixels in, a score and a kind out.

Radiographs are smooth: their edges are as wide as a focal spot and scattered photons make them, their air is
dark and reaches the frame, and the limb runs out of the picture. Photographs are rough all over, what a
computer draws has steps of one pixel between flat areas, and a slice of a body lies round and whole on black.
Fourteen numbers hold that, and a softmax of them weighs them; ``benchmarks/not_radiograph.py`` fits it and
writes ``not_radiograph.json``.

What it can and cannot detect is measured in docs/explanation/not-a-radiograph.md. Dental films are
radiographs, and score as such; so do many slices that fill their frame, and most photographs in grey.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from pipeline.files import resize
from pipeline.types import BoolArray, Float64Array, UInt8Array
from pipeline.validate.pyramid import Pyramid

KINDS = ("photograph", "drawing", "cross_section")

_DARK, _WHITE = 24, 240  # grey levels: what counts as air, and as paper
_MIN_PX = 16  # a side of the copy that is judged
_RING_SHARE = 0.03  # of a side: what counts as frame
_RUN_STEP = 24  # grey levels: from there on, nine pixels in a row are a straight line along a side
_ROUND = (0.80, 0.92)  # a square has 0.785, a head 0.9 and more
_SOLID = (0.7, 0.9)
_STEPS = (4, 8, 32, 48)  # grey levels from one pixel to the next
_BLOCKS_PX = (2, 4, 8)
_MAX_COLOUR = 8.0


class Judgement(NamedTuple):
    """How unlike a radiograph a picture is (0 to 1), and what it is most like among `KINDS`."""

    score: float
    kind: str


# `features`, by name: lowest and highest value in the fit, beyond which nothing more is read from a number;
# then the weight for each of `KINDS`, against a radiograph. `intercepts`: one for each of `KINDS`.
COEFFICIENTS = Path(__file__).with_suffix(".json")
_MODEL = json.loads(COEFFICIENTS.read_text(encoding="utf-8"))
FEATURES = tuple(_MODEL["features"])
_TABLE, _INTERCEPTS = np.array(list(_MODEL["features"].values())), np.array(_MODEL["intercepts"])


def judge(levels: Pyramid, colour: float) -> Judgement:
    """Score a picture.

    Parameters
    ----------
    levels
        The picture, both sides at least 2 pixels.
    colour
        See `images.Radiograph`.

    Returns
    -------
    Judgement
        The score is the softmax probability of all `KINDS` together. It is no probability in the user's
        data: how common such pictures are there is unknown.
    """
    values = np.clip(features(levels, colour), _TABLE[:, 0], _TABLE[:, 1])
    logits = values @ _TABLE[:, 2:] + _INTERCEPTS
    odds = np.exp(np.minimum(logits, 50.0))
    return Judgement(float(odds.sum() / (1 + odds.sum())), KINDS[int(logits.argmax())])


def features(levels: Pyramid, colour: float) -> Float64Array:
    """Measure a picture as `judge` gets it, in the order of `FEATURES`.

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
    small = _at_least(levels.small, _MIN_PX)
    here = small[:-1, :-1]
    down, right = _difference(small[1:, :-1], here), _difference(small[:-1, 1:], here)
    step = np.asarray(cv2.max(down, right), dtype=np.uint8)
    ring_dark = _dark_ring(small)
    roundness, solidity = _outline(levels.thumbnail)
    island = ring_dark * _ramp(roundness, _ROUND) * _ramp(solidity, _SOLID)
    frame = (ring_dark, roundness, solidity, island)
    straight = (_runs(right > _RUN_STEP) + _runs(down.T > _RUN_STEP)) / step.size
    return np.array(
        [*_steps(step), *_flat(here, step), straight, *_detail(small), *frame, min(colour, _MAX_COLOUR)]
    )


def _at_least(small: UInt8Array, side_px: int) -> UInt8Array:
    """Stretch a sliver."""
    if min(small.shape) >= side_px:
        return small
    return resize.to_shape(small, [max(side_px, side) for side in small.shape], cv2.INTER_AREA)


def _difference(first: UInt8Array, second: UInt8Array) -> UInt8Array:
    return np.asarray(cv2.absdiff(first, second), dtype=np.uint8)


def _steps(step: UInt8Array) -> tuple[float, float, float]:
    changes, rough, sharp, very_sharp = (np.count_nonzero(step > levels) / step.size for levels in _STEPS)
    edges = max(changes, 0.01)
    return sharp / edges, very_sharp / edges, rough


def _flat(levels: UInt8Array, step: UInt8Array) -> tuple[float, float]:
    flat = step == 0
    above_air, white = (np.count_nonzero(flat & (levels >= edge)) for edge in (_DARK + 1, _WHITE))
    return (above_air - white) / levels.size, white / levels.size


def _runs(sharp: BoolArray) -> int:
    """Count the places down from which nine pixels in a row are sharp."""
    for shift in (1, 2, 4, 1):  # two in a row, four, eight, nine
        sharp = sharp[shift:] & sharp[:-shift]
    return int(np.count_nonzero(sharp))


def _dark_ring(pixels: UInt8Array) -> float:
    rows, columns = (max(2, round(_RING_SHARE * side)) for side in pixels.shape)
    sides = (pixels[:rows], pixels[-rows:], pixels[:, :columns], pixels[:, -columns:])
    return sum(np.count_nonzero(side <= _DARK) / side.size for side in sides) / len(sides)


def _detail(pixels: UInt8Array) -> tuple[float, float, float]:
    """Split the variance by scale: what block means lose of it lies in details smaller than the block."""
    contrast = deviation(pixels)
    left = [contrast**2]
    for size in _BLOCKS_PX:
        left.append(deviation(resize.to_shape(pixels, [side / size for side in pixels.shape])) ** 2)
    share = np.log10(np.maximum(-np.diff(left), 0) / (left[0] + 1) + 1e-4)
    return contrast, float(share[0] - share[1]), float(share[2])


def _outline(thumbnail: UInt8Array) -> tuple[float, float]:
    body = (thumbnail > _DARK).view(np.uint8)
    outlines, _ = cv2.findContours(body, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return 0.0, 1.0
    largest = max(outlines, key=cv2.contourArea)
    hull = cv2.convexHull(largest)
    area, around = max(cv2.contourArea(hull), 1.0), max(cv2.arcLength(hull, closed=True), 1.0)
    return 4 * np.pi * area / around**2, cv2.contourArea(largest) / area


def _ramp(value: float, ends: tuple[float, float]) -> float:
    """0 up to the first of the ends, 1 from the second on."""
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)


def deviation(values: UInt8Array) -> float:
    """Give the standard deviation in grey levels; OpenCV's is ten times as fast as NumPy's."""
    return float(cv2.meanStdDev(values)[1][0, 0])
