"""What a classifier could learn instead of bone: size, border, markers, as numbers.

Pixels and tables in, numbers out. A label that can be told from these numbers can be told without looking
at the bone, and every figure of the classifier has to be read against that.
"""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

_LEVELS = 32  # of grey, in a histogram
_STRIP_SHARE = 0.06  # of a side: what counts as border
_LOOK_PX = 256  # markers are looked for on a copy with this longer side
_GROUND_PX = 31  # the surroundings a marker is compared with
_MARKER_CONTRAST = 60  # grey levels above the surroundings
_MARKER_LEVEL = 200
_MARKER_AREA = (4, 300)  # pixels of the copy: a letter, a lead plate
_LINE_SLACK = 0.5  # of a letter's height: how far letters of one line may lie apart vertically


def size_features(files: pd.DataFrame) -> NDArray[np.float64]:
    """Describe the files by what needs no look at them.

    Parameters
    ----------
    files
        One row a file: ``height_px``, ``width_px``, ``n_bytes``, ``format``, ``mode``.

    Returns
    -------
    ndarray of float64, shape (n_files, n_features)
        Height, width, their ratio, bytes, bytes a pixel, then one column (0 or 1) a format and a mode.
    """
    height_px, width_px, n_bytes = (
        files[name].to_numpy(np.float64) for name in ("height_px", "width_px", "n_bytes")
    )
    kinds = pd.get_dummies(files[["format", "mode"]], dtype=np.float64).to_numpy()
    area = height_px * width_px
    return np.column_stack([height_px, width_px, height_px / width_px, n_bytes, n_bytes / area, kinds])


def histogram_features(thumbnails: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Tell how much of each radiograph is how bright, and not where: its exposure and its processing.

    Parameters
    ----------
    thumbnails
        uint8, shape (n_files, height_px, width_px).

    Returns
    -------
    ndarray of float64, shape (n_files, 32)
        Share of the pixels at each level of grey, dark to bright; each row sums to 1.
    """
    level = thumbnails.reshape(len(thumbnails), -1) // (256 // _LEVELS)
    counts = np.bincount(
        (level + np.arange(len(level))[:, None] * _LEVELS).ravel(), minlength=len(level) * _LEVELS
    )
    return counts.reshape(-1, _LEVELS) / level.shape[1]


def border_features(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Describe the four border strips: top, bottom, left, right.

    Parameters
    ----------
    pixels
        uint8, shape (height_px, width_px).

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

    Parameters
    ----------
    pixels
        uint8, shape (height_px, width_px).

    Returns
    -------
    ndarray of float64, shape (8,)
        Number of such things, their share of the area, area of the largest in pixels of a copy with
        a longer side of 256, its row and column (0 to 1; -1 without any), the largest number in one
        line (burnt-in text), share of pixels at 250 and above, the brightest level.
    """
    look = _look(pixels)
    saturated = float((look >= 250).mean())
    bright = float(look.max())
    found = _compact(look)
    if not found.size:
        return np.array([0.0, 0.0, 0.0, -1.0, -1.0, 0.0, saturated, bright])
    area = found[:, 2]
    row, column = found[area.argmax(), :2] / look.shape
    share = area.sum() / look.size
    return np.array([len(found), share, area.max(), row, column, _longest_line(found), saturated, bright])


def _strip(strip: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    return float(strip.mean()), float(strip.std()), float((strip <= 5).mean()), float((strip >= 250).mean())


def _look(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = _LOOK_PX / max(pixels.shape)
    if scale >= 1:
        return pixels
    size = [max(1, round(side * scale)) for side in pixels.shape[::-1]]
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _compact(look: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Row, column, area, height of each bright component of a marker's size that fills its box well."""
    ground = cv2.blur(look, (_GROUND_PX, _GROUND_PX))
    bright = (look >= _MARKER_LEVEL) & (cv2.subtract(look, ground) >= _MARKER_CONTRAST)
    _, _, boxes, centres = cv2.connectedComponentsWithStats(bright.astype(np.uint8))
    height, width, area = boxes[1:, 3], boxes[1:, 2], boxes[1:, 4]
    fits = (area >= _MARKER_AREA[0]) & (area <= _MARKER_AREA[1]) & (area > 0.2 * height * width)
    described = np.column_stack([centres[1:, 1], centres[1:, 0], area, height]).astype(np.float64)
    found: NDArray[np.float64] = described[fits]
    return found


def _longest_line(found: NDArray[np.float64]) -> int:
    """Count the members of the fullest line: things of like height beside one another."""
    row, height = found[:, 0], found[:, 3]
    level = np.abs(row[:, None] - row) <= _LINE_SLACK * np.minimum(height[:, None], height)
    alike = np.maximum(height[:, None], height) <= 1.5 * np.minimum(height[:, None], height)
    return int((level & alike).sum(axis=1).max())
