"""A region map over its radiograph: what the network saw, where the fracture is, and who is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipeline.assess.maps.regions import Region
from pipeline.show import strokes

Pixels = NDArray[np.uint8]
Map = NDArray[np.floating[Any]]

REGION: strokes.Colour = (86, 196, 245)  # sky blue and orange: the pair that no colour blindness mixes up
REFERENCE: strokes.Colour = (255, 152, 56)
_GOOD: strokes.Colour = (95, 208, 168)
_TEXT: strokes.Colour = (238, 242, 246)
_SOFT: strokes.Colour = (165, 176, 190)
_SHORT_PX, _LONG_PX = 480, 900
_OPACITY = 0.55  # where evidence is full; the bone stays readable below


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
        ``fracture``, ``needs review`` or ``no finding``.
    reference
        The reference standard: ``fractured``, ``not fractured``, or empty where it is not known.
    outcome
        ``hit``, ``miss``, ``false alarm``, ...; empty where there is nothing to compare with.
    good
        Whether the outcome is as it should be.
    """

    path: str
    y_score: float
    decision: str
    reference: str = ""
    outcome: str = ""
    good: bool = True


def overlay(
    pixels: Pixels,
    region_map: Map,
    regions: Sequence[Region],
    threshold: float,
    *,
    label: Label | None = None,
    reference: Sequence[NDArray[Any]] = (),
    colormap: str = "cividis",
) -> Pixels:
    """Draw the map, the regions and the reference standard over a radiograph.

    The radiograph stays grey where evidence is low; colour comes in from half the threshold on. A
    small radiograph is enlarged to 480 pixels on its long side, a large one reduced to 900, and
    lines and text follow the size of the result.

    Parameters
    ----------
    pixels : uint8 ndarray of shape (H, W)
        The radiograph.
    region_map : float ndarray of shape (H, W), 0..1
        Evidence of a fracture in the radiograph's own pixels.
    regions
        Regions of the map, each drawn as its contour, its box and its score.
    threshold
        Evidence from which on a pixel belongs to a region, 0..1.
    label
        Text of the strip below the radiograph; no strip without it.
    reference : sequence of float ndarrays of shape (P, 2)
        Corners (row, column) of each annotated fracture, drawn dashed.
    colormap
        A colour map of matplotlib, of even lightness if possible (``cividis``, ``viridis``).

    Returns
    -------
    uint8 ndarray of shape (H', W', 3)
        RGB: the radiograph at the upper left, the colour scale beside it, the strip below.

    Raises
    ------
    ValueError
        The shapes differ, the pixels are not uint8, the map leaves 0..1 or holds NaN, or the colour
        map is not known.
    """
    _check(pixels, region_map)
    colours = _colours(colormap)
    scale = _scale(pixels.shape)
    panel = _blend(_resize(pixels, scale), _resize(region_map.astype(np.float32), scale), threshold, colours)
    size = max(12, round(max(panel.shape[0], panel.shape[1]) / 36))
    _draw_outlines(panel, regions, reference, scale, width_px=max(2, round(size / 8)))
    canvas = _frame(panel, size, strip=label is not None)
    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    _write_scores(draw, panel.shape, regions, threshold, scale, size)
    _draw_scale_bar(draw, canvas.shape[1], panel.shape[0], colours, threshold, size)
    if label is not None:
        _write_strip(draw, canvas.shape[1], panel.shape[0], label, size, annotated=bool(reference))
    return np.array(picture)


def _check(pixels: Pixels, region_map: Map) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape != region_map.shape or not pixels.size:
        raise ValueError(
            "an overlay needs uint8 pixels (H, W) and a map of the same shape. "
            f"Received: {pixels.dtype} {pixels.shape} and {region_map.shape}."
        )
    if not (region_map.min() >= 0 and region_map.max() <= 1):  # NaN fails as well
        raise ValueError(f"a map lies in 0..1. Received: {region_map.min()} to {region_map.max()}.")


def _colours(colormap: str) -> Pixels:
    """Colours of 256 steps of evidence: uint8 (256, 3)."""
    from matplotlib import colormaps

    if colormap not in colormaps:
        raise ValueError(
            f"region_maps.colormap is no colour map of matplotlib. Received: {colormap!r}. Use 'cividis'."
        )
    return np.asarray(colormaps[colormap](np.arange(256), bytes=True)[:, :3], dtype=np.uint8)


def _scale(shape: tuple[int, ...]) -> float:
    """How much larger the radiograph is drawn."""
    long_side = max(shape)
    return min(max(long_side, _SHORT_PX), _LONG_PX) / long_side


def _resize(image: NDArray[Any], scale: float) -> NDArray[Any]:
    height, width = (max(1, round(side * scale)) for side in image.shape)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method))


def _blend(grey: Pixels, evidence: Map, threshold: float, colours: Pixels) -> Pixels:
    """Lay colour over grey, the more opaque the more evidence there is; none below half the threshold."""
    start = threshold / 2
    alpha = (_OPACITY * np.clip((evidence - start) / max(1 - start, 1e-6), 0, 1) ** 0.6)[..., None]
    colour = colours[np.round(255 * np.clip(evidence, 0, 1)).astype(np.uint8)]
    return np.asarray((grey[..., None] * (1 - alpha) + colour * alpha).round(), dtype=np.uint8)


def _draw_outlines(
    panel: Pixels, regions: Sequence[Region], reference: Sequence[NDArray[Any]], scale: float, width_px: int
) -> None:
    """Draw contours and boxes of regions in one colour, the reference standard dashed in another."""
    for region in regions:
        contour = (region.contour + 0.5) * scale - 0.5
        rim = contour[:, ::-1].round().astype(np.int32)
        cv2.polylines(panel, [rim], True, REGION, width_px - 1, cv2.LINE_AA)
        strokes.outline(panel, strokes.corners(*region.box) * scale - 0.5, REGION, width_px)
    for polygon in reference:
        corners = np.asarray(polygon, np.float64) * scale - 0.5
        strokes.outline(panel, corners, REFERENCE, width_px, dash_px=3 * width_px)


def _frame(panel: Pixels, size: int, *, strip: bool) -> Pixels:
    """Put the panel on a dark canvas with room for the scale at the right and the strip below."""
    height, width = panel.shape[:2]
    below = round(5.2 * size) if strip else 0
    across = max(width + 5 * size, 31 * size)  # the strip's words need so much
    canvas = np.full((max(height, 12 * size) + below, across, 3), strokes.RIM, np.uint8)
    canvas[:height, :width] = panel
    return canvas


def _write_scores(
    draw: ImageDraw.ImageDraw,
    shape: tuple[int, ...],
    regions: Sequence[Region],
    threshold: float,
    scale: float,
    size: int,
) -> None:
    """Write each region's score beside its box, or that there is no region."""
    face = strokes.font(round(0.85 * size), bold=True)
    if not regions:
        text = f"no region reaches {threshold:.2f}"
        strokes.chip(draw, (0.5 * size, 0.5 * size), text, strokes.font(round(0.85 * size)), _TEXT)
    for region in reversed(regions):  # the highest score is written last, on top
        text = f"{region.score:.2f}"
        width, height = strokes.chip_size(text, face)
        top, left = region.row * scale, min(region.column * scale, shape[1] - width)
        above = top - height - 0.25 * size
        below = (region.row + region.height_px) * scale + 0.25 * size
        row = above if above >= 0 else min(below, shape[0] - height)
        strokes.chip(draw, (row, max(left, 0)), text, face, REGION)


def _draw_scale_bar(
    draw: ImageDraw.ImageDraw, width: int, height: int, colours: Pixels, threshold: float, size: int
) -> None:
    """Draw the colours of evidence from 0 to 1 at the right edge, with a mark at the threshold."""
    face = strokes.font(round(0.72 * size))
    left, top = width - 4.2 * size, 2.4 * size
    length = min(10 * size, max(height, 12 * size) - top - size)
    draw.text((left, top - size), "evidence", _SOFT, face, anchor="ls")
    for step in range(round(length)):
        colour = tuple(int(part) for part in colours[round(255 * (1 - step / length))])
        draw.line((left, top + step, left + 0.8 * size, top + step), fill=colour)
    levels = {0.0: "0", 0.5: "0.5", 1.0: "1"}
    levels = {level: text for level, text in levels.items() if abs(level - threshold) > 0.12}
    for level, text in levels.items():
        draw.text((left + 1.2 * size, top + (1 - level) * length), text, _SOFT, face, anchor="lm")
    at = top + (1 - threshold) * length
    draw.line((left - 0.2 * size, at, left + size, at), fill=REGION, width=max(2, size // 7))
    draw.text((left + 1.2 * size, at), f"{threshold:.2f}", REGION, face, anchor="lm")


def _write_strip(
    draw: ImageDraw.ImageDraw, width: int, top: int, label: Label, size: int, *, annotated: bool
) -> None:
    """Write decision and outcome, what the two kinds of line are, and the path."""
    bold, small = strokes.font(size, bold=True), strokes.font(round(0.8 * size))
    left, right = 0.6 * size, width - 0.6 * size
    rows = [max(top, 12 * size) + step * size for step in (1.2, 2.8, 4.2)]
    if label.outcome:
        wide, tall = strokes.chip_size(label.outcome, bold)
        ground = _GOOD if label.good else REFERENCE
        strokes.chip(draw, (rows[0] - tall / 2, right - wide), label.outcome, bold, strokes.RIM, ground)
        right -= wide + size
    said = f"{label.decision} \N{MIDDLE DOT} probability {label.y_score:.2f}"
    draw.text((left, rows[0]), strokes.fit(said, bold, right - left), _TEXT, bold, anchor="lm")
    _write_key(draw, (rows[1], left), label.reference, size, annotated=annotated)
    path = strokes.fit(label.path, small, width - 2 * left)
    draw.text((left, rows[2]), path, _SOFT, small, anchor="lm")


def _write_key(
    draw: ImageDraw.ImageDraw, corner: tuple[float, float], reference: str, size: int, *, annotated: bool
) -> None:
    """Name the two kinds of line, with the reference standard beside its own."""
    row, left = corner
    face, thick = strokes.font(round(0.8 * size)), max(2, size // 6)
    draw.line((left, row, left + 2 * size, row), fill=REGION, width=thick)
    draw.text((left + 2.5 * size, row), "region of the map", _SOFT, face, anchor="lm")
    left += 4 * size + face.getlength("region of the map")
    if annotated:
        for dash in range(3):
            begin = left + 0.8 * size * dash
            draw.line((begin, row, begin + 0.5 * size, row), fill=REFERENCE, width=thick)
        left += 2.6 * size
    if annotated or reference:
        text = f"reference: {reference}" if reference else "reference"
        draw.text((left, row), text, _SOFT, face, anchor="lm")
