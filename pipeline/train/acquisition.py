"""Training radiographs as other devices, readers and archives would have left them.

A radiograph from elsewhere shows the same bone in other grey: another film or detector, another processing,
another compression, lead letters, arrows, a collimated frame. A share of the training radiographs is changed
so, each by one to three kinds of change. Nothing is moved, so masks stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from pipeline.files import images, resize
from pipeline.types import AnyArray, BoolArray, UInt8Array

Change = Callable[[np.random.Generator, UInt8Array], UInt8Array]

_MOST_CHANGES = 3  # of one radiograph
_LETTERS = ("R", "L", "RT", "LT", "AP", "LAT", "PA", "OBL", "1", "2", "12.03", "3/4")
_BLACK, _WHITE = 0, 255


def retake(canvases: UInt8Array, chosen: BoolArray, seeds: AnyArray) -> UInt8Array:
    """Change the chosen ones of B canvases.

    Parameters
    ----------
    canvases
        uint8 (B, H, W, 1).
    chosen, seeds
        (B,), which are changed, and a whole number of 0 or more that decides how.
    """
    changed = canvases.copy()
    for place in np.flatnonzero(chosen):
        rng = np.random.default_rng(int(seeds[place]))
        pixels = canvases[place, ..., 0]
        for kind in sorted(rng.choice(len(KINDS), rng.integers(1, _MOST_CHANGES + 1), replace=False)):
            pixels = KINDS[kind](rng, pixels)
        changed[place, ..., 0] = pixels
    return changed


def tone(rng: np.random.Generator, pixels: UInt8Array) -> UInt8Array:
    """Print on another film: grey goes through a smooth curve that rises, from black to white."""
    given = np.linspace(_BLACK, _WHITE, 5)
    steps = rng.dirichlet(np.full(4, 4.0))
    curve = PchipInterpolator(given, _WHITE * np.concatenate([[0.0], np.cumsum(steps)]))
    return _bytes(curve(np.arange(256)))[pixels]


def gamma(rng: np.random.Generator, pixels: UInt8Array) -> UInt8Array:
    """Expose or display otherwise: grey to a power between 0.5 and 2."""
    return _bytes(_WHITE * (np.arange(256) / _WHITE) ** np.exp2(rng.uniform(-1, 1)))[pixels]


def sharpen(rng: np.random.Generator, pixels: UInt8Array) -> UInt8Array:
    """Enhance edges as a maker does, by an unsharp mask."""
    wide = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(1, 6)).astype(np.float32)
    return _bytes(pixels + rng.uniform(0.3, 1.5) * (pixels - wide))


def equalize(rng: np.random.Generator, pixels: UInt8Array) -> UInt8Array:
    """Level bright and dark parts as a maker does: equalisation by tiles, its contrast limited."""
    tiles = int(rng.integers(2, 9))
    return np.asarray(cv2.createCLAHE(rng.uniform(1, 3), (tiles, tiles)).apply(pixels), np.uint8)


def resample(rng: np.random.Generator, pixels: UInt8Array) -> UInt8Array:
    """Enlarge an archive's smaller copy again."""
    share = rng.uniform(0.35, 0.85)
    small = resize.to_shape(pixels, [side * share for side in pixels.shape])
    how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
    return np.asarray(resize.to_shape(small, pixels.shape, how), np.uint8)


def blur(rng: np.random.Generator, pixels: UInt8Array) -> UInt8Array:
    """Blur as a large focal spot or a moving limb does."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.5, 1.8)), np.uint8)


def grain(rng: np.random.Generator, pixels: UInt8Array) -> UInt8Array:
    """Add the noise of few photons, fine or coarse."""
    noise = rng.standard_normal(pixels.shape, np.float32)
    if rng.random() < 0.5:
        coarse = cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.5, 1.2))
        noise = (coarse / coarse.std()).astype(np.float32)
    return _bytes(pixels + rng.uniform(2, 12) * noise)


def compress(rng: np.random.Generator, pixels: UInt8Array) -> UInt8Array:
    """Compress as a web page's JPEG is."""
    encoded = images.encode_jpeg(pixels, int(rng.integers(15, 75)))
    return images.decode(encoded, "retaken.jpg").pixels


def frame(rng: np.random.Generator, pixels: UInt8Array) -> UInt8Array:
    """Collimate: outside a turned rectangle, at most an eighth of each side, all is black or white."""
    height, width = pixels.shape
    sides = np.array([width, height]) * rng.uniform(0.76, 1.0, 2)
    corners = cv2.boxPoints(((width / 2, height / 2), tuple(sides.tolist()), rng.uniform(-12, 12)))
    inside = cv2.fillConvexPoly(np.zeros(pixels.shape, np.uint8), np.rint(corners).astype(np.int32), 1)
    return np.where(inside > 0, pixels, np.uint8(_BLACK if rng.random() < 0.8 else _WHITE))


def write(rng: np.random.Generator, pixels: UInt8Array) -> UInt8Array:
    """Write up to three letters or arrows on it, as readers and technicians do."""
    marked = pixels.copy()
    for _ in range(rng.integers(1, 4)):
        height, width = pixels.shape
        start = np.array([rng.integers(width), rng.integers(height)])
        grey = int(rng.integers(180, 256)) if rng.random() < 0.8 else int(rng.integers(0, 60))
        thickness = int(rng.integers(1, 4))
        if rng.random() < 0.5:
            tip = start + rng.integers(-60, 61, 2)
            cv2.arrowedLine(marked, start.tolist(), tip.tolist(), grey, thickness, cv2.LINE_AA, tipLength=0.3)
        else:
            text, size = _LETTERS[rng.integers(len(_LETTERS))], rng.uniform(0.5, 1.6)
            cv2.putText(
                marked, text, start.tolist(), cv2.FONT_HERSHEY_SIMPLEX, size, grey, thickness, cv2.LINE_AA
            )
    return marked


# In the order in which they happen to a radiograph.
KINDS: tuple[Change, ...] = (
    blur, grain, frame, tone, gamma, equalize, sharpen, write, resample, compress
)  # fmt: skip


def _bytes(values: AnyArray) -> UInt8Array:
    return np.clip(np.rint(values), _BLACK, _WHITE).astype(np.uint8)
