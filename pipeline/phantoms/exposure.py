"""From attenuation to grey levels: beam, scatter, quanta, tone curve, collimation, marker."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.files import resize
from pipeline.phantoms.shadows import clouds
from pipeline.types import AnyArray, UInt8Array

_LEAD = 6.0  # attenuation of a side marker


@dataclass(frozen=True)
class Exposure:
    """How one radiograph is taken and shown; nothing here depends on whether a bone is broken."""

    quanta: float  # a pixel, in the open beam
    scatter: float  # share of the light that carries no shape
    blur_px: float
    heel: tuple[float, float]  # change of the beam from one edge to the other, down and right
    gamma: float
    fog: float  # grey of the open beam, 0 to 1
    inset: tuple[float, float, float, float] | None  # collimated edges in shares of the sides: t, b, l, r
    skew_rad: float
    laterality: str
    corner: tuple[float, float]  # where the marker stands, in shares of the sides
    marker_px: float
    negative: bool


def random_exposure(rng: np.random.Generator) -> Exposure:
    """Choose an exposure."""
    inset = tuple(rng.uniform(0.015, 0.09, 4)) if rng.random() < 0.6 else None
    return Exposure(
        quanta=float(np.exp(rng.uniform(np.log(2500), np.log(20000)))),
        scatter=rng.uniform(0.01, 0.04),
        blur_px=rng.uniform(0.35, 0.75),
        heel=(rng.uniform(-0.2, 0.2), rng.uniform(-0.12, 0.12)),
        gamma=rng.uniform(1.0, 1.6),
        fog=rng.uniform(0.02, 0.11),
        inset=inset,
        skew_rad=rng.normal(0, 0.02),
        laterality=str(rng.choice(["L", "R"])),
        corner=(rng.choice([0.15, 0.85]), rng.choice([0.14, 0.86])),
        marker_px=rng.uniform(0.045, 0.075),
        negative=bool(rng.random() < 0.1),
    )


def expose(attenuation: AnyArray, exposure: Exposure, rng: np.random.Generator) -> UInt8Array:
    """Take the radiograph.

    Parameters
    ----------
    attenuation
        float32 array of shape (height_px, width_px), the exponent of Beer and Lambert's law.
    exposure
        Beam, display and framing.
    rng
        Draws the quanta.

    Returns
    -------
    uint8 array of the same shape; bone is bright, unless the exposure is a negative.
    """
    shape = attenuation.shape
    marked = np.maximum(attenuation, _LEAD * _marker(shape, exposure))
    light = np.exp(-cv2.GaussianBlur(marked, (0, 0), exposure.blur_px)) * _beam(shape, exposure)
    small = resize.to_shape(light, (64, 64), cv2.INTER_AREA)
    haze = resize.to_shape(cv2.GaussianBlur(small, (0, 0), 6), shape, cv2.INTER_LINEAR)
    light += exposure.scatter * (haze - light)
    light += np.sqrt(light / exposure.quanta) * rng.standard_normal(shape, dtype=np.float32)
    density = -np.log(np.maximum(light, 1e-3))
    density += 0.004 * clouds((1, shape[1]), 120, rng)  # the stripes of an imaging plate's reader
    grey = _tone(density, exposure)
    field = _field(shape, exposure)
    grey = grey * field + 0.01 * (1 - field)
    if exposure.negative:
        grey = 1 - grey
    return np.round(255 * np.clip(grey, 0, 1)).astype(np.uint8)


def _beam(shape: tuple[int, ...], exposure: Exposure) -> AnyArray:
    down = np.linspace(-0.5, 0.5, shape[0], dtype=np.float32)[:, None]
    right = np.linspace(-0.5, 0.5, shape[1], dtype=np.float32)[None]
    beam: AnyArray = 1 + exposure.heel[0] * down + exposure.heel[1] * right - 0.15 * (down**2 + right**2)
    return beam


def _tone(density: AnyArray, exposure: Exposure) -> AnyArray:
    """Stretch the tissue's densities over the grey scale, as the reader's software does."""
    tissue = density[density > 0.25]
    high = np.percentile(tissue, 99.3) if tissue.size else 1.0
    share = np.clip((density + 0.1) / (min(float(high), 4.2) * 1.06 + 0.1), 0, 1.2)
    grey: AnyArray = exposure.fog + (1 - exposure.fog) * share**exposure.gamma
    return grey


def _field(shape: tuple[int, ...], exposure: Exposure) -> AnyArray:
    """Share of each pixel inside the collimated field."""
    if exposure.inset is None:
        return np.ones(shape, np.float32)
    height, width = shape
    top, bottom, left, right = exposure.inset
    corners = np.array([[left, top], [1 - right, top], [1 - right, 1 - bottom], [left, 1 - bottom]])
    corners = (corners - 0.5) * (width, height)
    c, s = np.cos(exposure.skew_rad), np.sin(exposure.skew_rad)
    corners = corners @ np.array([[c, s], [-s, c]]) + (width / 2, height / 2)
    canvas = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(canvas, np.round(corners).astype(np.int32), 255, cv2.LINE_AA)
    return cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), 1.0)


def _marker(shape: tuple[int, ...], exposure: Exposure) -> AnyArray:
    """Coverage 0 to 1 by the lead letter on the cassette."""
    canvas = np.zeros(shape, np.uint8)
    size = exposure.marker_px * min(shape)
    scale, weight = size / 21, max(1, round(size / 9))
    row, column = (round(place * side) for place, side in zip(exposure.corner, shape, strict=True))
    origin = (round(column - size / 2), round(row + size / 2))
    cv2.putText(
        canvas, exposure.laterality, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, weight, cv2.LINE_AA
    )
    return canvas.astype(np.float32) / 255
