"""Radiographs made worse on purpose: turned, blurred, over- and underexposed, compressed, without markers.

Each is applied to the radiograph as it was read, before preprocessing, so that what preprocessing takes
back counts for the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.config import Preprocess
from pipeline.files import images, resize
from pipeline.files.faults import ImageFault
from pipeline.preprocess import canvas
from pipeline.types import BoolArray, UInt8Array

UNPERTURBED, ROTATION, BLUR, GAMMA, JPEG, MARKERS = (
    "undisturbed",
    "rotation",  # degrees
    "blur",  # standard deviation, in thousandths of the longer side
    "gamma",  # above 1: darker
    "jpeg_quality",
    "markers_masked",
)
LEVELS: tuple[tuple[str, float], ...] = (
    (UNPERTURBED, 0),
    *((ROTATION, degrees) for degrees in (5, 15, 45)),
    *((BLUR, thousandths) for thousandths in (2, 4, 8)),
    *((GAMMA, exponent) for exponent in (0.5, 0.7, 1.4, 2.0)),
    *((JPEG, quality) for quality in (50, 20, 8)),
    (MARKERS, 1),
)

_SIDES = 2  # a radiograph is first shrunk to so many sides of the canvas: the network gets no finer
_COPY_PX = 512  # markers are searched on a copy with this longer side
_MARKER_SIDE_PX = 80  # of the copy: a larger thing is no marker
_MARKER_AREA = 12  # pixels of the copy
_LEAD_LEVEL = 0.75  # of the range: lead is the brightest there is
_AIR_LEVEL = 0.35  # of the range: where the darkest fifth is brighter, there is no air to lie on
_ABOVE_AIR = 0.1  # of the range: what is brighter is soft tissue
_RIM_PX = (5, 9)  # of the copy, around a marker: what must be air
_AIR_SHARE = 0.6  # of that rim
_INPAINT_PX = 3


@dataclass(frozen=True)
class Job:
    """What a worker needs to perturb one radiograph."""

    path: Path
    settings: Preprocess
    max_pixels: int
    sha256: str = ""


def attempt(job: Job) -> UInt8Array | ImageFault:
    """Decode a radiograph and bring it onto the canvas once a level: uint8, (len(LEVELS), H, W).

    Where the file has changed since ``validate`` read it, its fault is returned.
    """
    side = _SIDES * max(job.settings.height_px, job.settings.width_px)
    try:
        radiograph = images.read_again(job.path, job.sha256, job.max_pixels)
    except ImageFault as fault:
        return fault
    pixels = resize.within(radiograph.pixels, side, exactly=True)
    return np.stack([canvas.place(perturb(pixels, *level), job.settings)[0] for level in LEVELS])


def perturb(pixels: UInt8Array, name: str, level: float) -> UInt8Array:
    """Apply one perturbation of :data:`LEVELS`, or the like, to a radiograph (H, W)."""
    if name == ROTATION:
        return rotate(pixels, level)
    if name == BLUR:
        sigma = level / 1000 * max(pixels.shape)
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)
    if name == GAMMA:
        table = np.rint(255 * (np.arange(256) / 255) ** level).astype(np.uint8)
        return np.asarray(table[pixels], np.uint8)
    if name == JPEG:
        return images.decode(images.encode_jpeg(pixels, int(level)), "perturbed.jpg").pixels
    if name == MARKERS:
        return mask_markers(pixels)
    return pixels


def rotate(pixels: UInt8Array, degrees: float) -> UInt8Array:
    """Turn a radiograph counter-clockwise, in a frame that contains all of it, on the grey of its own rim."""
    height, width = pixels.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    cosine, sine = np.abs(matrix[0, :2])
    size = (round(width * cosine + height * sine), round(width * sine + height * cosine))
    matrix[:, 2] = matrix[:, 2] + (np.array(size) - (width, height)) / 2
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    turned = cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderValue=float(np.median(rim)))
    return np.asarray(turned, np.uint8)


def mask_markers(pixels: UInt8Array) -> UInt8Array:
    """Paint over letters and lead plates that lie on air; what lies on the limb stays."""
    mask = markers(pixels)
    if not mask.any():
        return pixels
    return np.asarray(cv2.inpaint(pixels, mask.astype(np.uint8), _INPAINT_PX, cv2.INPAINT_TELEA), np.uint8)


def markers(pixels: UInt8Array) -> BoolArray:
    """Find letters and lead plates: as bright as lead, small, and with air around them. bool, (H, W).

    Bone is not surrounded by air but by soft tissue, however thin.
    """
    small = resize.within(pixels, _COPY_PX, exactly=True)
    low, high = np.percentile(small, [1, 99])
    level = (small.astype(np.float32) - low) / max(high - low, 1.0)
    air = float(np.percentile(cv2.GaussianBlur(level, (0, 0), 3), 20))
    if air > _AIR_LEVEL:
        return np.zeros(pixels.shape, bool)
    _, label, boxes, _ = cv2.connectedComponentsWithStats((level >= _LEAD_LEVEL).astype(np.uint8))
    left, top, width, height, area = boxes.T
    inside = (left > 0) & (top > 0) & (left + width < small.shape[1]) & (top + height < small.shape[0])
    fits = (np.maximum(width, height) <= _MARKER_SIDE_PX) & (area >= _MARKER_AREA) & inside
    on_air = level <= air + _ABOVE_AIR
    mask = np.zeros(small.shape, np.uint8)
    for number in np.flatnonzero(fits[1:]) + 1:
        own = (label == number).astype(np.uint8)
        near, far = (cv2.dilate(own, np.ones((reach, reach), np.uint8)) for reach in _RIM_PX)
        if on_air[(far > 0) & (near == 0)].mean() >= _AIR_SHARE:
            mask[near > 0] = 1
    return np.asarray(resize.to_shape(mask, pixels.shape, cv2.INTER_NEAREST) > 0)
