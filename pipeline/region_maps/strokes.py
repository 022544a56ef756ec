"""Lines and text that stay legible on any radiograph: each has a dark rim.

Points are (row, column) of pixels, fractions allowed; lines are drawn into uint8 RGB arrays in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import ImageDraw, ImageFont

from pipeline.files.printable import one_line
from pipeline.types import FloatArray, Int32Array, UInt8Array

Colour = tuple[int, int, int]

RIM: Colour = (10, 13, 18)
_SHIFT = 4  # OpenCV takes positions in sixteenths of a pixel


def outline(
    canvas: UInt8Array, points: FloatArray, colour: Colour, width_px: int, dash_px: float = 0
) -> None:
    """Draw a closed line with a dark rim.

    Parameters
    ----------
    canvas : uint8 ndarray of shape (H, W, 3)
        Changed in place.
    points : float ndarray of shape (P, 2)
        (row, column) of the corners.
    colour
        RGB, 0..255.
    width_px
        Of the line itself; the rim adds one pixel on either side.
    dash_px
        Length of a dash and of the dark gap after it; 0 for an unbroken line.
    """
    cv2.polylines(canvas, [_fixed(points)], True, RIM, width_px + 2, cv2.LINE_AA, _SHIFT)
    line(canvas, points, colour, width_px, dash_px)


def line(canvas: UInt8Array, points: FloatArray, colour: Colour, width_px: int, dash_px: float = 0) -> None:
    """Draw a closed line without a rim; the arguments are those of :func:`outline`."""
    pieces = list(dashes(points, dash_px)) if dash_px and len(points) > 1 else [points]
    cv2.polylines(
        canvas, [_fixed(piece) for piece in pieces], not dash_px, colour, width_px, cv2.LINE_AA, _SHIFT
    )


def corners(row: float, column: float, height: float, width: float) -> FloatArray:
    """Corners of a box as (row, column): float64 of shape (4, 2), clockwise from the upper left."""
    bottom, right = row + height, column + width
    return np.array([[row, column], [row, right], [bottom, right], [bottom, column]], np.float64)


@cache
def font(size_px: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Load the typeface that comes with matplotlib, so that text is the same on every machine."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size_px)


def fit(text: str, face: ImageFont.FreeTypeFont, width_px: float) -> str:
    """Cut the middle out of a text until it fits: what tells file names apart stands at the ends.

    Characters that a file name may hold but a line of text may not become visible replacements.
    """
    text = one_line(text, "\N{REPLACEMENT CHARACTER}")
    n_letters, short = len(text), text
    while face.getlength(short) > width_px and n_letters > 2:
        n_letters -= 1
        short = text[: (n_letters + 1) // 2] + "\N{HORIZONTAL ELLIPSIS}" + text[len(text) - n_letters // 2 :]
    return short


def chip(
    draw: ImageDraw.ImageDraw,
    corner: tuple[float, float],
    text: str,
    face: ImageFont.FreeTypeFont,
    ink: Colour,
    ground: Colour = RIM,
) -> None:
    """Write a text on a small filled box whose upper left corner is (row, column)."""
    row, column = corner
    width, height = chip_size(text, face)
    draw.rounded_rectangle((column, row, column + width, row + height), radius=face.size / 4, fill=ground)
    draw.text((column + width / 2, row + height / 2), text, ink, face, anchor="mm")


def chip_size(text: str, face: ImageFont.FreeTypeFont) -> tuple[float, float]:
    """Width and height of a `chip` in pixels."""
    return face.getlength(text) + 0.7 * face.size, 1.35 * face.size


def _fixed(points: FloatArray) -> Int32Array:
    """Turn (row, column) into OpenCV's (x, y) in sixteenths of a pixel."""
    return np.asarray(np.round(points[:, ::-1] * 2**_SHIFT), dtype=np.int32)


def dashes(points: FloatArray, dash_px: float) -> Iterator[FloatArray]:
    """Cut a closed line into dashes of about one length, whatever the distance of its corners."""
    closed = np.vstack([points, points[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    count = max(2, round(along[-1] / (2 * dash_px)))
    step = along[-1] / count
    for start in np.arange(count) * step:
        end = start + step / 2
        inner = along[(along > start) & (along < end)]
        stops = np.concatenate([[start], inner, [end]])
        yield np.stack([np.interp(stops, along, closed[:, axis]) for axis in (0, 1)], axis=1)
