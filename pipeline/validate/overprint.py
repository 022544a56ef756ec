"""What was drawn over a radiograph later: arrows and circles, and watermarks in rows.

Both are shortcuts for a classifier, since people mark fractures and sell pictures of them. What is drawn with
a computer is of one level with an edge of one pixel; most metal is neither, and lead letters are smaller.
"""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.types import AnyArray, Float32Array, Int32Array, UInt8Array
from pipeline.validate import pyramid
from pipeline.validate.copies import thumbnails

_INK = 6  # grey levels: what ink may differ from white by
_PAPER_STEP = 60  # grey levels between ink and what lies two pixels beside it
_MIN_SPAN = 0.1  # of the longer side; the letters of side markers are smaller
_MAX_SPAN = 0.7  # frames and collimated borders are larger
_MAX_STROKE = 0.03  # of the longer side: how wide a drawn line is at most
_SHARP_SHARE = 0.8  # of the outline
_MAX_SOLID = 0.75  # of the hull: a nail or a wire fills more, an arrow's shaft and a circle's rim less
_RIDGE = 0.6  # of the greatest depth: what lies in the middle of a line

_TILE_MIN_PX = 400  # a smaller picture keeps nothing of a watermark's lettering
_FINE_PX = 5
_FAINT = 10.0  # grey levels: what is stronger counts no more, or bone would outweigh a watermark
_NEAR = 0.08  # of the longer side: what repeats closer is grain or a grid
_ALONG_PX = 2  # a shift along a side by so little across it: frames repeat there; lettering elsewhere, too
_AROUND = np.zeros((11, 11), np.uint8)  # the ring that a peak rises above
cv2.circle(_AROUND, (5, 5), 5, 1)
_REPEATS = 0.15  # correlation above the ring; 1,420 real radiographs stay below 0.14


def has_marks(pixels: UInt8Array) -> bool:
    """Detect a white arrow, circle or frame drawn on a radiograph: a thin, long, sharp line of ink.

    Black ink is ignored: the air is black too. Coloured ink is for `colour.codes` to detect.
    """
    medium = pyramid.medium(pixels)
    side = max(medium.shape)
    ink = cv2.threshold(medium, 255 - _INK - 1, 1, cv2.THRESH_BINARY)[1]
    if cv2.countNonZero(ink) < _MIN_SPAN * side:
        return False
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(ink)
    span, area = boxes[1:, 2:4].max(axis=1), boxes[1:, 4]
    long = (span >= _MIN_SPAN * side) & (span <= _MAX_SPAN * side) & (area <= _MAX_STROKE * side * 2 * span)
    return any(_is_line(parts, boxes[part], part, medium) for part in 1 + np.flatnonzero(long))


def has_watermark(pixels: UInt8Array) -> bool:
    """Detect faint lettering that repeats in rows all over a picture."""
    return max(pixels.shape) >= _TILE_MIN_PX and repetition(pixels) >= _REPEATS


def repetition(pixels: UInt8Array) -> float:
    """Correlate the faint detail of a picture with itself, shifted by up to half a side.

    Returns
    -------
    float
        The sharpest peak but that of no shift, above all that lies around it: straight edges repeat along
        themselves and make ridges, which have a way down on two sides only.
    """
    thumbnail = thumbnails.shrink(pyramid.half(pixels))
    detail = cv2.subtract(thumbnail, cv2.blur(thumbnail, (_FINE_PX, _FINE_PX)), dtype=cv2.CV_32F)
    np.clip(detail, -_FAINT, _FAINT, out=detail)
    likeness = _autocorrelation(detail - detail.mean())
    sharp = likeness - cv2.dilate(likeness, _AROUND, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    near, centre = round(_NEAR * max(thumbnail.shape)), thumbnail.shape[0] // 2
    sharp[centre - near : centre + near + 1, : near + 1] = 0
    sharp[centre - _ALONG_PX : centre + _ALONG_PX + 1] = sharp[:, : _ALONG_PX + 1] = 0
    return float(sharp.max())


def _autocorrelation(values: Float32Array) -> Float32Array:
    """Give the correlation at row shifts -half to half and column shifts 0 to half, a pixel as one."""
    rows, columns = values.shape
    half_rows, half_columns = rows // 2, columns // 2
    padded = [cv2.getOptimalDFTSize(side + side // 2) for side in values.shape]
    wide = cv2.copyMakeBorder(values, 0, padded[0] - rows, 0, padded[1] - columns, cv2.BORDER_CONSTANT)
    spectrum = cv2.dft(wide, nonzeroRows=rows)  # packed: real values in, real values out
    power = cv2.mulSpectrums(spectrum, spectrum, 0, conjB=True)
    whole = cv2.dft(power, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE)
    shifted = np.vstack([whole[-half_rows:, :half_columns], whole[:half_rows, :half_columns]])
    overlap = (rows - np.abs(np.arange(-half_rows, half_rows)))[:, None] * (columns - np.arange(half_columns))
    return np.asarray(shifted * values.size / overlap / max(whole[0, 0], 1e-6), np.float32)


def _is_line(parts: AnyArray, box: Int32Array, part: np.int64, pixels: UInt8Array) -> bool:
    left, top, width, height = box[:4]
    around = np.s_[max(0, top - 3) : top + height + 3, max(0, left - 3) : left + width + 3]
    shape = (parts[around] == part).astype(np.uint8)
    slender = _stroke(shape) <= _MAX_STROKE * max(pixels.shape) and _solidity(shape) <= _MAX_SOLID
    return slender and _is_sharp(shape, pixels[around])


def _stroke(shape: UInt8Array) -> float:
    """Give the width of a line, in pixels, where it is widest but for a few places."""
    depth = cv2.distanceTransform(cv2.copyMakeBorder(shape, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3)
    return 2 * float(np.median(depth[depth > _RIDGE * depth.max()]))


def _solidity(shape: UInt8Array) -> float:
    """Give the share of its convex hull that a shape fills."""
    outlines, _ = cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.count_nonzero(shape) / max(cv2.contourArea(cv2.convexHull(np.concatenate(outlines))), 1.0)


def _is_sharp(shape: UInt8Array, pixels: UInt8Array) -> bool:
    """Whether it is much darker two pixels beside the ink."""
    near, far = (cv2.dilate(shape, np.ones((size, size), np.uint8)) for size in (3, 7))
    beside = pixels[far > near]
    return bool(beside.size) and bool((beside <= 255 - _PAPER_STEP).mean() >= _SHARP_SHARE)
