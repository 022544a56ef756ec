"""One radiograph and its annotations brought onto the canvas, ready for a shard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.config import Preprocess
from pipeline.dataset.region import Region
from pipeline.files import images
from pipeline.files.faults import ImageFault, Issue
from pipeline.preprocess import canvas


@dataclass(frozen=True)
class Job:
    """What a worker needs to prepare one radiograph."""

    root: Path
    row: dict[str, Any]
    regions: tuple[Region, ...]
    settings: Preprocess
    max_pixels: int


@dataclass(frozen=True)
class Record:
    """One preprocessed radiograph, encoded.

    Attributes
    ----------
    row
        Its row of the manifest.
    encoded
        PNG of the canvas, grey.
    shape
        Height and width of the canvas in pixels.
    placement
        The way between the radiograph and the canvas.
    masks
        A PNG for each annotated fracture, 255 inside, on the canvas.
    boxes
        (K, 4): top, left, bottom and right of each fracture, as shares of the canvas.
    """

    row: dict[str, Any]
    encoded: bytes
    shape: tuple[int, int]
    placement: canvas.Placement
    masks: tuple[bytes, ...]
    boxes: NDArray[np.float64]


def prepare(job: Job) -> Record:
    """Decode a radiograph, place it on the canvas and draw its fracture masks there.

    Raises
    ------
    pipeline.files.images.ImageFault
        The file has changed since ``validate`` read it.
    """
    path, sha256 = job.root / job.row["path"], job.row.get("sha256", "")
    pixels = images.read_again(path, sha256, job.max_pixels).pixels
    placed, placement = canvas.place(pixels, job.settings)
    masks = [_mask_on_canvas(region, placement, placed.shape) for region in job.regions]
    visible = [mask for mask in masks if mask.any()]
    return Record(
        job.row,
        images.encode_png(placed),
        placed.shape,
        placement,
        tuple(images.encode_png(mask.astype(np.uint8) * 255) for mask in visible),
        np.array([_unit_box(mask) for mask in visible]).reshape(-1, 4),
    )


def attempt(job: Job) -> Record | ImageFault:
    """Prepare a radiograph, or return why it cannot be read any more."""
    try:
        return prepare(job)
    except ImageFault as fault:
        return fault


def cut_off(jobs: Iterable[Job], shown: Iterable[tuple[str, int]]) -> list[Issue]:
    """List the radiographs with fractures that are drawn where they are cropped.

    Parameters
    ----------
    jobs
        What was prepared.
    shown
        Path and number of masks of each record.
    """
    drawn = {job.row["path"]: len(job.regions) for job in jobs}
    detail = "{} of {} drawn fractures lie where the radiograph is cropped (preprocess.crop_collimation)"
    return [
        Issue.of(path, "annotation_cropped", detail.format(drawn[path] - n_shown, drawn[path]))
        for path, n_shown in shown
        if n_shown < drawn[path]
    ]


def _mask_on_canvas(region: Region, placement: canvas.Placement, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Rasterise what of a region is on the canvas; one thinner than a pixel marks the pixels it crosses."""
    mask = np.zeros(shape, np.uint8)
    for polygon in region.outlines:
        points = placement.to_canvas(polygon[:, ::-1])[:, ::-1]
        cv2.fillPoly(mask, [np.floor(points).astype(np.int32)], 1)
    top, left, height, width = placement.crop
    ends = placement.to_canvas(np.array([[top, left], [top + height, left + width]], np.float64))
    shown = tuple(slice(max(int(first), 0), int(last) + 1) for first, last in ends.T)
    kept = np.zeros(shape, np.bool_)
    kept[shown] = mask[shown]
    return kept


def _unit_box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    return rows[0] / height, columns[0] / width, (rows[-1] + 1) / height, (columns[-1] + 1) / width
