"""What people do to radiographs before they publish them again: each alteration drawn at random.

A second faulty set, beside the shared one: other transforms and angles, from phantoms or any radiographs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

UInt8Array = NDArray[np.uint8]
Alteration = Callable[[UInt8Array, np.random.Generator], UInt8Array]


class Altered(NamedTuple):
    """One file of the set: what it shows, which radiograph it comes from, and what was done to it."""

    pixels: UInt8Array
    source: int
    done: tuple[str, ...]


def family(pixels: UInt8Array, source: int, n_copies: int) -> list[Altered]:
    """Give a radiograph and copies of it, each altered in one or two ways."""
    rng = np.random.default_rng([source, n_copies])
    found = [Altered(pixels, source, ())]
    for _ in range(n_copies):
        names = rng.choice(sorted(ALTERATIONS), size=rng.integers(1, 3), replace=False).tolist()
        copy = pixels
        for name in names:
            copy = np.ascontiguousarray(ALTERATIONS[name](copy, rng))
        found.append(Altered(copy, source, tuple(names)))
    return found


def precision_and_recall(truth: Sequence[Hashable], found: Sequence[Hashable]) -> tuple[float, float]:
    """Of the pairs that were put together, how many belong together; and how many of those were put so."""
    together = _n_pairs(list(zip(truth, found, strict=True)))
    return together / max(1, _n_pairs(found)), together / max(1, _n_pairs(truth))


def _n_pairs(groups: Sequence[Hashable]) -> int:
    return sum(size * (size - 1) // 2 for size in Counter(groups).values())


def turned(pixels: UInt8Array, degrees: float) -> UInt8Array:
    """Rotate about the centre within the frame; the corners become black."""
    height_px, width_px = pixels.shape
    turn = cv2.getRotationMatrix2D(((width_px - 1) / 2, (height_px - 1) / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(pixels, turn, (width_px, height_px)), dtype=np.uint8)


def rotated(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    return turned(pixels, rng.choice([-1, 1]) * rng.uniform(5, 40))


def rotated_again(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    for _ in range(rng.integers(2, 5)):
        pixels = turned(pixels, rng.uniform(-15, 15))
    return pixels


def quarter_turned(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    return np.rot90(pixels, int(rng.integers(1, 4)))


def flipped(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    return np.flip(pixels, int(rng.integers(2)))


def cropped(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    kept = [round(side * rng.uniform(0.8, 0.95)) for side in pixels.shape]
    row, column = (int(rng.integers(side - part + 1)) for side, part in zip(pixels.shape, kept, strict=True))
    return pixels[row : row + kept[0], column : column + kept[1]]


def letterboxed(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    side_px = round(max(pixels.shape) * rng.uniform(1, 1.15))
    above, left = ((side_px - side) // 2 for side in pixels.shape)
    below, right = side_px - pixels.shape[0] - above, side_px - pixels.shape[1] - left
    return cv2.copyMakeBorder(pixels, above, below, left, right, cv2.BORDER_CONSTANT, value=0)


def resized(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    share = rng.uniform(0.4, 0.8)
    return cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)


def squashed(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    side_px = int(rng.integers(200, 300))
    return cv2.resize(pixels, (side_px, side_px), interpolation=cv2.INTER_AREA)


def inverted(pixels: UInt8Array, _: np.random.Generator) -> UInt8Array:
    return 255 - pixels


def equalized(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    return cv2.createCLAHE(rng.uniform(2, 4), (8, 8)).apply(pixels)


def gamma(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    exponent = np.exp(rng.choice([-1, 1]) * rng.uniform(0.25, 0.7))
    return np.rint(255 * (pixels / 255) ** exponent).astype(np.uint8)


def brightness(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    return cv2.convertScaleAbs(pixels, alpha=rng.uniform(0.6, 0.95), beta=rng.uniform(0, 40))


def encoded(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 70))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def lettered(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    picture, size = pixels.copy(), max(pixels.shape) / 400
    for text in ("CITY HOSPITAL", "12.03.2019", "R"):
        place = (int(rng.uniform(0, 0.4) * pixels.shape[1]), int(rng.uniform(0.1, 0.95) * pixels.shape[0]))
        letters = size * rng.uniform(0.6, 1.2)
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, letters, 255, max(1, round(2 * size)))
    return picture


def pointed_at(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    picture, shape = pixels.copy(), np.array(pixels.shape[::-1])
    line_px = max(2, max(pixels.shape) // 120)
    for _ in range(rng.integers(1, 4)):
        start = rng.uniform(0.1, 0.9, 2)
        ends = [(share * shape).astype(int).tolist() for share in (start, start + rng.uniform(-0.3, 0.3, 2))]
        cv2.arrowedLine(picture, *ends, 255, line_px)
    centre = (rng.uniform(0.2, 0.8, 2) * shape).astype(int).tolist()
    cv2.circle(picture, centre, int(0.12 * pixels.shape[1]), 255, line_px)
    return picture


ALTERATIONS: dict[str, Alteration] = {
    function.__name__: function
    for function in (
        rotated, rotated_again, quarter_turned, flipped, cropped, letterboxed, resized, squashed,
        inverted, equalized, gamma, brightness, encoded, lettered, pointed_at,
    )
}  # fmt: skip
