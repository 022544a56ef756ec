"""A region map over its radiograph: what the network marks, where the fracture is, and who is right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from pipeline.files import resize
from pipeline.predict.boxes import iou
from pipeline.predict.operating_points import NO_FINDING, NO_REGION, OUT_OF_SCOPE
from pipeline.predict.regions import Region
from pipeline.region_maps import legend, strokes
from pipeline.region_maps.legend import REFERENCE, REGION, TEXT, Label
from pipeline.types import AnyArray, FloatArray, UInt8Array

_SHORT_PX, _LONG_PX = 480, 900
_OPACITY = 0.55  # where evidence is full; the bone stays readable below


def overlay(
    pixels: UInt8Array,
    region_map: FloatArray,
    regions: Sequence[Region],
    threshold: float,
    *,
    label: Label | None = None,
    reference: Sequence[AnyArray] = (),
    colormap: str = "cividis",
) -> UInt8Array:
    """Draw the map, the regions and the reference standard over a radiograph.

    A region that reaches the threshold is drawn with solid lines, a weaker one with dotted lines.
    Where the decision is ``no finding`` or ``out of scope``, or no region stands out, the picture says so.

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
        Peak from which on a region is sure, 0..1: the specific operating point.
    label
        Text of the strip below the radiograph; no strip without it.
    reference : sequence of float ndarrays of shape (P, 2)
        Corners (row, column) of each annotated fracture, drawn dashed.
    colormap
        A colour map of matplotlib, of even lightness if possible (``cividis``, ``viridis``).

    Returns
    -------
    uint8 ndarray of shape (H', W', 3)
        RGB: the radiograph at the upper left, beside it the colour scale and a ruler in the
        radiograph's own pixels, the strip below.

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
    size, width_px = _sizes(panel)
    _draw_regions(panel, regions, threshold, scale, width_px)
    _draw_reference(panel, reference, scale, width_px)
    canvas = legend.frame(panel, size, label)
    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    _write_scores(draw, panel.shape, regions, scale, size)
    if not regions:
        _write_why_empty(draw, label, size)
    legend.draw_colours(draw, panel.shape, colours, threshold, size)
    legend.draw_ruler(draw, panel.shape, scale, size)
    if label is not None:
        legend.write_strip(draw, canvas.shape, label, size, annotated=bool(reference), n_regions=len(regions))
    return np.array(picture)


def plain(pixels: UInt8Array, reference: Sequence[AnyArray] = ()) -> UInt8Array:
    """Draw the reference standard alone, to stand beside an overlay: uint8 (H', W', 3), of its scale.

    Parameters
    ----------
    pixels, reference
        As for :func:`overlay`.
    """
    scale = _scale(pixels.shape)
    panel = np.repeat(_resize(pixels, scale)[..., None], 3, axis=2)
    _draw_reference(panel, reference, scale, _sizes(panel)[1])
    return panel


def _check(pixels: UInt8Array, region_map: FloatArray) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape != region_map.shape or not pixels.size:
        raise ValueError(
            "an overlay needs uint8 pixels (H, W) and a map of the same shape. "
            f"Received: {pixels.dtype} {pixels.shape} and {region_map.shape}."
        )
    if not (region_map.min() >= 0 and region_map.max() <= 1):  # NaN fails as well
        raise ValueError(f"a map lies in 0..1. Received: {region_map.min()} to {region_map.max()}.")


def _colours(colormap: str) -> UInt8Array:
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


def _sizes(panel: UInt8Array) -> tuple[int, int]:
    """Size of text and width of lines in pixels."""
    size = max(12, round(max(panel.shape[:2]) / 36))
    return size, max(2, round(size / 8))


def _resize(image: AnyArray, scale: float) -> AnyArray:
    return resize.to_shape(image, [side * scale for side in image.shape])


def _blend(grey: UInt8Array, evidence: FloatArray, threshold: float, colours: UInt8Array) -> UInt8Array:
    """Lay colour over grey, the more opaque the more evidence there is; none below half the threshold."""
    start = threshold / 2
    alpha = (_OPACITY * np.clip((evidence - start) / max(1 - start, 1e-6), 0, 1) ** 0.6)[..., None]
    colour = colours[np.round(255 * np.clip(evidence, 0, 1)).astype(np.uint8)]
    return np.asarray((grey[..., None] * (1 - alpha) + colour * alpha).round(), dtype=np.uint8)


def _draw_regions(
    panel: UInt8Array, regions: Sequence[Region], threshold: float, scale: float, width_px: int
) -> None:
    """Draw contours and boxes of regions, the sure ones solid, the others dotted."""
    for region in reversed(regions):  # the strongest lies on top
        dash_px = 0 if region.evidence >= threshold else 1.6 * width_px
        contour = (region.contour + 0.5) * scale - 0.5
        strokes.line(panel, contour, REGION, width_px - 1, dash_px)
        strokes.outline(panel, strokes.corners(*region.box) * scale - 0.5, REGION, width_px, dash_px)


def _draw_reference(panel: UInt8Array, reference: Sequence[AnyArray], scale: float, width_px: int) -> None:
    """Draw the reference standard in long dashes of its own colour."""
    for polygon in reference:
        corners = np.asarray(polygon, np.float64) * scale - 0.5
        strokes.outline(panel, corners, REFERENCE, width_px, dash_px=3 * width_px)


def _write_why_empty(draw: ImageDraw.ImageDraw, label: Label | None, size: int) -> None:
    """Say in the corner why no region is drawn."""
    corner = (0.5 * size, 0.5 * size)
    if label is not None and label.decision in (NO_FINDING, OUT_OF_SCOPE):
        strokes.chip(draw, corner, label.decision, strokes.font(round(1.3 * size), bold=True), TEXT)
    else:
        face = strokes.font(round(0.85 * size))
        strokes.chip(draw, corner, NO_REGION, face, TEXT)


def _write_scores(
    draw: ImageDraw.ImageDraw, shape: tuple[int, ...], regions: Sequence[Region], scale: float, size: int
) -> None:
    """Write each region's score beside its box: upon no higher score, and upon no box, where that can be."""
    face = strokes.font(round(0.85 * size), bold=True)
    boxes = np.array([region.box for region in regions]).reshape(-1, 4) * scale
    written: list[AnyArray] = []
    for region, box in zip(regions, boxes, strict=True):  # the highest score is written first
        text = f"{region.score:.2f}"
        width, height = strokes.chip_size(text, face)
        chips = _beside(box, (height, width), 0.25 * size, shape)
        meets = iou(chips, np.vstack([boxes, *written])) > 0
        covered = 2 * meets[:, len(boxes) :].any(axis=1) + meets[:, : len(boxes)].any(axis=1)
        written.append(chip := chips[int(np.argmin(covered))])
        strokes.chip(draw, (float(chip[0]), float(chip[1])), text, face, REGION)


def _beside(box: AnyArray, chip: tuple[float, float], gap_px: float, shape: tuple[int, ...]) -> AnyArray:
    """Places of a chip (height, width) above a box, below, right and left of it, on the panel: (4, 4)."""
    (top, left, height, width), (high, wide) = box, chip
    above, below, right, beyond = top - high, top + height, left + width, left - wide
    corners = [(above - gap_px, left), (below + gap_px, left), (top, right + gap_px), (top, beyond - gap_px)]
    inside = np.clip(corners, 0, (max(shape[0] - high, 0), max(shape[1] - wide, 0)))
    return np.hstack([inside, np.broadcast_to(chip, (4, 2))])
