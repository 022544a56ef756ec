"""Outlines of regions as DICOM has them: (column, row), 0 and 0 at the upper left corner of the first pixel.

So the middle of a pixel lies at a half, and the lower right corner of the last one at (Columns, Rows).
https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.10.5.html
"""

from __future__ import annotations

import numpy as np

from pipeline.predict.regions import Region
from pipeline.region_maps import strokes
from pipeline.types import Float64Array, FloatArray

_CORNERS = 3  # fewer enclose nothing
_DASHES = 200  # on the long side of a radiograph


def closed(region: Region) -> Float64Array:
    """Outline a region: (P, 2), (column, row), the first point once more at the end.

    A box is outlined along its edges, any other region through the middles of the pixels on its rim.
    """
    contour = np.asarray(region.contour, np.float64)
    is_box = region.area_px == region.height_px * region.width_px
    points = strokes.corners(*region.box) if is_box or len(contour) < _CORNERS else contour + 0.5
    return np.asarray(np.vstack([points, points[:1]])[:, ::-1], np.float64)


def dashes(outline: Float64Array, shape: tuple[int, int]) -> list[FloatArray]:
    """Cut an outline into dashes: many viewers draw all lines of a presentation state solid.

    Parameters
    ----------
    outline
        As of :func:`closed`.
    shape
        Of the radiograph.
    """
    return [*strokes.dashes(outline[:-1], max(2.0, max(shape) / _DASHES))]
