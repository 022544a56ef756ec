"""Colours and deep channels to grey, whichever file they are from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.files import colour, window
from pipeline.files.faults import ImageFault, Note
from pipeline.files.strips import Rows, strips
from pipeline.types import UInt8Array

TRANSPARENCY = Note("transparency", "transparent pixels, shown as black")
_COLOUR_DETAILS = {
    "colour_marks": "strongly coloured pixels on a grey radiograph: an arrow, a circle, a stamp",
    "colour": "a colour picture, perhaps no radiograph",
}

Shown = tuple[UInt8Array, float, list[Note]]


def of_colours(rgb: Rows) -> Shown:
    """Turn 8-bit colours into grey, their departure from a tint, and notes of marks."""
    notes = [Note(code, _COLOUR_DETAILS[code]) for code in colour.codes(rgb)]
    return colour.grey(rgb), colour.departure(rgb), notes


def of_deep_colours(rgb: NDArray[Any], name: str) -> Shown:
    """Turn colours of more than 8 bits into grey by all their levels, then window it; overwrites ``rgb``."""
    small = colour.in_8_bits(rgb)
    notes = [Note(code, _COLOUR_DETAILS[code]) for code in colour.codes(small)]
    departure = colour.departure(small)
    pixels, windowed = window.grey(colour.deep_grey(rgb), name)
    return pixels, departure, [*notes, *windowed]


def of_deep(values: NDArray[Any], has_alpha: bool, name: str, *, negative: bool = False) -> Shown:
    """Turn one or three deep channels, perhaps with opacity as the last, into grey; overwrites them.

    Parameters
    ----------
    values
        Shape (height_px, width_px, channels).
    has_alpha
        Whether the channel behind the colours is opacity; transparent pixels show black.
    name, negative
        As in `window.grey`.
    """
    n_colours = 3 if values.shape[2] >= 3 else 1
    notes = _cover(values, n_colours, name) if has_alpha else []
    if n_colours == 3:
        pixels, departure, more = of_deep_colours(values[..., :3], name)
        return pixels, departure, [*notes, *more]
    pixels, more = window.grey(values[..., 0], name, negative=negative)
    return pixels, 0.0, [*notes, *more]


def _cover(values: NDArray[Any], n_colours: int, name: str) -> list[Note]:
    """Show transparent pixels black."""
    alpha = values[..., n_colours]
    opaque = np.iinfo(values.dtype).max if values.dtype.kind in "iu" else 1
    if alpha.max() <= 0:
        raise ImageFault("fully_transparent", f"{name}: every pixel is transparent")
    if alpha.min() >= opaque:
        return []
    for rows, part in strips(values):
        share = part[..., n_colours : n_colours + 1] / opaque
        values[rows, :, :n_colours] = part[..., :n_colours] * share
    return [TRANSPARENCY]
