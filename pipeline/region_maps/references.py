"""What is annotated on the radiographs of a set of maps."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from pipeline.dataset.annotations import Annotations
from pipeline.dataset.region import mask
from pipeline.predict.maps import MapSet
from pipeline.preprocess.canvas import Placement
from pipeline.region_maps import pointing
from pipeline.region_maps.scores import Reference
from pipeline.types import BoolArray, Float64Array, UInt8Array


def boxes(maps: MapSet, annotations: Annotations) -> list[Float64Array]:
    """Annotated boxes of each radiograph, (K, 4), row, column, height, width; K is 0 without a fracture."""
    bboxes = [
        [region.bbox for region in annotations.for_path(path)] if fractured else []
        for path, fractured in zip(maps.rows["path"], maps.rows["fractured"], strict=True)
    ]
    return [np.array(own, np.float64).reshape(-1, 4)[:, [1, 0, 3, 2]] for own in bboxes]


def is_annotated(maps: MapSet, annotations: Annotations) -> BoolArray:
    """Which radiographs are fractured and have an annotation: bool (N,)."""
    return np.array([len(own) > 0 for own in boxes(maps, annotations)], bool)


def is_usable(maps: MapSet, annotations: Annotations) -> BoolArray:
    """Which radiographs say where fractures are: annotated ones, and those without any. Bool (N,)."""
    return np.asarray(is_annotated(maps, annotations) | ~maps.rows["fractured"].to_numpy(bool))


def on_target(maps: MapSet, annotations: Annotations) -> list[bool | None]:
    """Whether each map's peak lies in an annotated box; None where nothing is annotated."""
    return [
        bool(pointing.pointing_game([pointing.peak(region_map)], [own])[0]) if len(own) else None
        for region_map, own in zip(maps, boxes(maps, annotations), strict=True)
    ]


def collect(maps: MapSet, annotations: Annotations, canvases: Iterable[UInt8Array]) -> list[Reference]:
    """Describe what is annotated on each of the annotated radiographs, and where its brightest bone is.

    Parameters
    ----------
    maps, canvases
        Maps and, in the same order, the canvases behind them, uint8 (H, W) each.
    annotations
        Of all radiographs, checked.
    """
    if not len(maps):
        return []
    rows = zip(boxes(maps, annotations), maps.rows.itertuples(), maps.placements, canvases, strict=True)
    return [
        Reference(
            own,
            partial(mask, annotations.for_path(row.path), place.height_px, place.width_px),
            str(row.group),
            _brightest(canvas, place),
        )
        for own, row, place, canvas in rows
        if len(own)
    ]


def _brightest(canvas: UInt8Array, placement: Placement) -> tuple[int, int]:
    """Where the brightest bone of a canvas lies in the radiograph."""
    centre = np.array([pointing.brightest(canvas)], np.float64) + 0.5
    row, column = np.floor(placement.to_radiograph(centre)[0]).astype(int).tolist()
    return row, column
