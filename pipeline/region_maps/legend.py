"""What stands around an overlay: the colours of evidence, a ruler in pixels, and the strip that explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

from pipeline.predict.operating_points import NO_REGION, in_words, region_stands_out
from pipeline.region_maps import strokes
from pipeline.types import UInt8Array

Shape = tuple[int, ...]

REGION: strokes.Colour = (86, 196, 245)  # sky blue and orange: the pair that no colour blindness mixes up
REFERENCE: strokes.Colour = (255, 152, 56)
TEXT: strokes.Colour = (238, 242, 246)
_GOOD: strokes.Colour = (95, 208, 168)
_SOFT: strokes.Colour = (165, 176, 190)
_STRIP = 5.2  # height of the strip, in sizes of the text
_LINE = 1.4  # of a line more
_LENGTHS_PX = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class Label:
    """What the strip below the radiograph says.

    Attributes
    ----------
    path
        Of the radiograph, relative to ``data.root``.
    y_score
        Calibrated probability of a fracture, 0..1.
    decision
        ``fracture``, ``needs review``, ``no finding`` or ``out of scope``.
    reference
        The reference standard: ``fractured``, ``not fractured``, or empty where it is not known.
    outcome
        ``hit``, ``miss``, ``false alarm``, ...; empty where there is nothing to compare with.
    good
        Whether the outcome is as it should be.
    warnings
        What is odd about the file, and what the model warns of, in few words; empty where nothing is.
    model
        Which one answers; empty where all are of one.
    """

    path: str
    y_score: float
    decision: str
    reference: str = ""
    outcome: str = ""
    good: bool = True
    warnings: str = ""
    model: str = ""


def frame(panel: UInt8Array, size: int, label: Label | None) -> UInt8Array:
    """Put the panel on a dark canvas with room for the scales at the right and the strip below.

    Parameters
    ----------
    panel : uint8 ndarray of shape (H, W, 3)
    size
        Of the text, in pixels.
    label
        What the strip says; no strip without it.
    """
    height, width = panel.shape[:2]
    below = 0 if label is None else _strip_px(label, size)
    across = max(width + 5 * size, 36 * size)  # the strip's words need so much
    canvas = np.full((_bottom(height, size) + below, across, 3), strokes.RIM, np.uint8)
    canvas[:height, :width] = panel
    return canvas


def draw_colours(
    draw: ImageDraw.ImageDraw, panel: Shape, colours: UInt8Array, threshold: float, size: int
) -> None:
    """Draw the colours of evidence from 0 to 1 right of the panel, with a mark at the threshold."""
    face = strokes.font(round(0.72 * size))
    left, top = panel[1] + 0.9 * size, 2.4 * size
    length = 10 * size
    draw.text((left, top - size), "evidence", _SOFT, face, anchor="ls")
    for step in range(round(length)):
        colour = tuple(int(part) for part in colours[round(255 * (1 - step / length))])
        draw.line((left, top + step, left + 0.8 * size, top + step), fill=colour)
    for level in (0.0, 0.5, 1.0):
        if abs(level - threshold) <= 0.12:
            continue
        text = f"{level:g}"
        draw.text((left + 1.2 * size, top + (1 - level) * length), text, _SOFT, face, anchor="lm")
    at = top + (1 - threshold) * length
    draw.line((left - 0.2 * size, at, left + size, at), fill=REGION, width=max(2, size // 7))
    draw.text((left + 1.2 * size, at), f"{threshold:.2f}", REGION, face, anchor="lm")


def draw_ruler(draw: ImageDraw.ImageDraw, panel: Shape, scale: float, size: int) -> None:
    """Draw a round number of the radiograph's own pixels along the panel's right edge, from below."""
    height, width = panel[:2]
    fitting = [length for length in _LENGTHS_PX if length * scale <= 0.5 * height]
    if not fitting:
        return
    left, length = width + 0.25 * size, fitting[-1] * scale
    for end in (height - 1, height - 1 - length):
        draw.line((left, end, left + 0.4 * size, end), fill=TEXT, width=2)
    draw.line((left, height - 1, left, height - 1 - length), fill=TEXT, width=2)
    face = strokes.font(round(0.72 * size))
    below = _bottom(height, size) - 0.6 * size
    draw.text((left + 0.7 * size, below), f"{fitting[-1]} px", TEXT, face, anchor="lm")


def write_strip(
    draw: ImageDraw.ImageDraw, canvas: Shape, label: Label, size: int, *, annotated: bool, n_regions: int
) -> None:
    """Write decision and outcome, what the kinds of line are, the path, and what is odd about the file."""
    bold, small = strokes.font(size, bold=True), strokes.font(round(0.8 * size))
    left, right = 0.6 * size, canvas[1] - 0.6 * size
    rows = [canvas[0] - _strip_px(label, size) + step * size for step in (1.2, 2.8, 4.2)]
    if label.outcome:
        wide, tall = strokes.chip_size(label.outcome, bold)
        ground = _GOOD if label.good else REFERENCE
        strokes.chip(draw, (rows[0] - tall / 2, right - wide), label.outcome, bold, strokes.RIM, ground)
        right -= wide + size
    probability = f" \N{MIDDLE DOT} probability {label.y_score:.2f}"
    text = in_words(label.decision, n_regions) + probability
    if bold.getlength(text) > right - left:  # the key below says it, too
        text = label.decision + probability
    draw.text((left, rows[0]), strokes.fit(text, bold, right - left), TEXT, bold, anchor="lm")
    is_bare = region_stands_out(label.decision, n_regions) is False
    _write_key(draw, (rows[1], left), label.reference, size, annotated=annotated, is_bare=is_bare)
    path = strokes.fit(label.path, small, canvas[1] - 2 * left)
    draw.text((left, rows[2]), path, _SOFT, small, anchor="lm")
    for number, (words, colour) in enumerate(_further(label), start=1):
        fitting = strokes.fit(words, small, canvas[1] - 2 * left)
        draw.text((left, rows[2] + number * _LINE * size), fitting, colour, small, anchor="lm")


def _write_key(
    draw: ImageDraw.ImageDraw,
    corner: tuple[float, float],
    reference: str,
    size: int,
    *,
    annotated: bool,
    is_bare: bool,
) -> None:
    """Name the kinds of line, or that no region stands out; the reference standard beside its own line."""
    row, left = corner
    face = strokes.font(round(0.8 * size))
    kinds = [("sure region", REGION, 2.0, 0.0), ("possible", REGION, 0.22, 0.22)]
    if is_bare:
        kinds = []
        draw.text((left, row), NO_REGION, _SOFT, face, anchor="lm")
        left += 1.6 * size + face.getlength(NO_REGION)
    truth = f"reference: {reference}" if reference else "reference"
    kinds += [(truth, REFERENCE, 0.5, 0.3)] if annotated else []
    for text, colour, dash, gap in kinds:
        for begin in np.arange(left, left + 2 * size - 1e-6, dash * size + gap * size).tolist():
            end = min(begin + dash * size, left + 2 * size)
            draw.line((begin, row, end, row), fill=colour, width=max(2, size // 6))
        draw.text((left + 2.4 * size, row), text, _SOFT, face, anchor="lm")
        left += 3.6 * size + face.getlength(text)
    if reference and not annotated:
        draw.text((left, row), truth, _SOFT, face, anchor="lm")


def _strip_px(label: Label, size: int) -> int:
    return round((_STRIP + _LINE * len(_further(label))) * size)


def _further(label: Label) -> list[tuple[str, strokes.Colour]]:
    """List what a line more is for, with its colour."""
    return [each for each in ((label.warnings, REFERENCE), (label.model, _SOFT)) if each[0]]


def _bottom(height: int, size: int) -> int:
    """Where the strip begins: below the panel, and below the scales beside it."""
    return max(height, 15 * size)
