"""Where the scene, in millimetres, lies on the radiograph, in pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.phantoms.bones import Point
from pipeline.types import AnyArray

_SUBPIXEL_BITS = 3


@dataclass(frozen=True)
class View:
    """A similarity from scene points (row, column) in mm to pixels (row, column)."""

    height_px: int
    width_px: int
    px_per_mm: float
    centre: Point  # the scene point in the middle of the radiograph
    radians: float
    mirrored: bool

    def to_px(self, points: AnyArray) -> AnyArray:
        """Pixels of scene points, both of shape (..., 2)."""
        px: AnyArray = (points - np.asarray(self.centre)) @ self._matrix().T + self._middle()
        return px

    def grid(self) -> tuple[AnyArray, AnyArray]:
        """Rows and columns, in mm, that the pixels see: two arrays of shape (height_px, width_px)."""
        down, right = np.meshgrid(
            np.arange(self.height_px) - self._middle()[0],
            np.arange(self.width_px) - self._middle()[1],
            indexing="ij",
        )
        back = np.linalg.inv(self._matrix())
        rows = self.centre[0] + back[0, 0] * down + back[0, 1] * right
        columns = self.centre[1] + back[1, 0] * down + back[1, 1] * right
        return rows.astype(np.float32), columns.astype(np.float32)

    def window(self, points: AnyArray, margin_mm: float) -> tuple[slice, slice]:
        """Rows and columns that show scene points (n, 2) and a margin; may be empty."""
        px, margin = self.to_px(points), margin_mm * self.px_per_mm
        low = np.floor(px.min(axis=0) - margin).astype(int)
        high = np.ceil(px.max(axis=0) + margin).astype(int)
        rows = slice(*np.clip([low[0], high[0]], 0, self.height_px))
        return rows, slice(*np.clip([low[1], high[1]], 0, self.width_px))

    def filled(self, polygon: AnyArray) -> AnyArray:
        """Coverage 0 to 1 of a polygon given by scene points (n, 2), shape (height_px, width_px)."""
        canvas = np.zeros((self.height_px, self.width_px), np.uint8)
        corners = np.round(self.to_px(polygon)[:, ::-1] * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(canvas, [corners], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        return canvas.astype(np.float32) / 255

    def _matrix(self) -> AnyArray:
        c, s = np.cos(self.radians), np.sin(self.radians)
        flip = -1.0 if self.mirrored else 1.0
        return np.array([[c, -s * flip], [s, c * flip]]) * self.px_per_mm

    def _middle(self) -> AnyArray:
        return np.array([(self.height_px - 1) / 2, (self.width_px - 1) / 2])
