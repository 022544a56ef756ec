"""What a classifier could learn instead of bone: size, border, markers, as numbers.

Pixels, uint8 of shape (height_px, width_px), and tables in, numbers out. A label that can be predicted from
these numbers can be predicted without looking at the bone: read every figure of the classifier against that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.validate import pyramid

if TYPE_CHECKING:
    import pandas as pd  # takes a worker as long to start as all else together

_LEVELS = 32  # of grey, in a histogram
_STRIP_SHARE = 0.06  # of a side: what counts as border
_GROUND_PX = 31  # the surroundings a marker is compared with
_MARKER_CONTRAST = 60  # grey levels above the surroundings
_MARKER_LEVEL = 200
_MARKER_AREA = (4, 300)  # pixels of the copy: a letter, a lead plate
_BLACK, _WHITE = 5, 250  # grey levels: up to and from there
_DIGITS = 4  # of a deviation: that of a flat strip is 0
_LINE_SLACK = 0.5  # of a letter's height: how far letters of one line may lie apart vertically


def size_features(files: pd.DataFrame) -> NDArray[np.float64]:
    """Describe the files, one row each, by what needs none of their pixels.

    Returns
    -------
    ndarray of float64, shape (n_files, n_features)
        Height, width, their ratio, bytes, bytes a pixel, then one column (0 or 1) a format and a mode.
    """
    height_px, width_px, n_bytes = files[["height_px", "width_px", "n_bytes"]].to_numpy(np.float64).T
    names = [files[column].to_numpy(str)[:, None] for column in ("format", "mode")]
    kinds = [each == np.unique(each) for each in names]
    area = height_px * width_px
    return np.column_stack([height_px, width_px, height_px / width_px, n_bytes, n_bytes / area, *kinds])


def histogram_features(thumbnails: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Describe how much of each radiograph is how bright, and not where: its exposure and its processing.

    Returns
    -------
    ndarray of float64, shape (n_files, 32)
        Share of the pixels at each level of grey, dark to bright; each row sums to 1.
    """
    level = thumbnails.reshape(len(thumbnails), -1) // (256 // _LEVELS)
    bins = level + np.arange(len(level))[:, None] * _LEVELS
    counts = np.bincount(bins.ravel(), minlength=len(level) * _LEVELS)
    return counts.reshape(-1, _LEVELS) / level.shape[1]


def border_features(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Describe the four border strips: top, bottom, left, right.

    Returns
    -------
    ndarray of float64, shape (16,)
        For each strip: mean and standard deviation (0 to 255), share of black and of white pixels.
    """
    height_px, width_px = pixels.shape
    rows = max(1, round(height_px * _STRIP_SHARE))
    columns = max(1, round(width_px * _STRIP_SHARE))
    strips = (pixels[:rows], pixels[-rows:], pixels[:, :columns], pixels[:, -columns:])
    return np.array([value for strip in strips for value in _strip(strip)])


def marker_features(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Describe bright, compact things on dark ground: letters, lead plates, hardware.

    Returns
    -------
    ndarray of float64, shape (8,)
        Number of such things, their share of the area, area of the largest in pixels of a copy with
        a longer side of 256, its row and column (0 to 1; -1 without any), the largest number in one
        line (burnt-in text), share of pixels at 250 and above, the brightest level.
    """
    small = pyramid.small(pixels)
    saturated = np.count_nonzero(small >= _WHITE) / small.size
    bright = float(small.max())
    markers = _compact(small)
    if not markers.size:
        return np.array([0.0, 0.0, 0.0, -1.0, -1.0, 0.0, saturated, bright])
    area = markers[:, 2]
    row, column = markers[area.argmax(), :2] / small.shape
    share = area.sum() / small.size
    return np.array([len(markers), share, area.max(), row, column, _longest_line(markers), saturated, bright])


def _strip(strip: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    strip = np.ascontiguousarray(strip)  # read four times
    mean, deviation = cv2.meanStdDev(strip)
    black, white = np.count_nonzero(strip <= _BLACK), np.count_nonzero(strip >= _WHITE)
    return mean[0, 0], round(deviation[0, 0], _DIGITS), black / strip.size, white / strip.size


def _compact(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Row, column, area, height of each bright component of a marker's size that fills its box well."""
    bright = pixels >= _MARKER_LEVEL
    if np.count_nonzero(bright) < _MARKER_AREA[0]:
        return np.zeros((0, 4))
    ground = cv2.blur(pixels, (_GROUND_PX, _GROUND_PX))
    bright &= cv2.subtract(pixels, ground) >= _MARKER_CONTRAST
    parts = np.asarray(cv2.connectedComponents(bright.view(np.uint8))[1], dtype=np.int32)
    few = np.flatnonzero(bright)
    part, rows, columns = parts.ravel()[few] - 1, few // pixels.shape[1], few % pixels.shape[1]
    area = np.bincount(part)
    row, column = (np.bincount(part, weights=places) / area for places in (rows, columns))
    height, width = (_extent(places, part, area) for places in (rows, columns))
    fits = (area >= _MARKER_AREA[0]) & (area <= _MARKER_AREA[1]) & (area > 0.2 * height * width)
    return np.column_stack([row, column, area, height])[fits]


def _extent(places: NDArray[np.int64], part: NDArray[np.int32], area: NDArray[np.int64]) -> NDArray[np.int64]:
    """Length of each component along an axis, from where its pixels lie there."""
    if not area.size:
        return area
    ordered = places[np.argsort(part, kind="stable")]
    first = np.cumsum(area) - area
    return np.maximum.reduceat(ordered, first) - np.minimum.reduceat(ordered, first) + 1


def _longest_line(markers: NDArray[np.float64]) -> int:
    """Count the members of the fullest line: things of like height beside one another."""
    row, height = markers[:, 0], markers[:, 3]
    level = np.abs(row[:, None] - row) <= _LINE_SLACK * np.minimum(height[:, None], height)
    alike = np.maximum(height[:, None], height) <= 1.5 * np.minimum(height[:, None], height)
    return int((level & alike).sum(axis=1).max())
