"""What a decoded file shows: nothing at all, no radiograph, or something odd for ``issues.csv``."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.files import images, resize
from pipeline.files.faults import ImageFault, Issue, Severity
from pipeline.validate import overprint, torn
from pipeline.validate.not_radiograph import Judgement, deviation
from pipeline.validate.pyramid import Pyramid

_LISTED = 0.9  # score from which a picture is listed as perhaps no radiograph
_TINY_SIDE_PX = 128
_LONGEST_PX = 32_000  # OpenCV turns and warps nothing longer
_LARGE_PIXELS = 4_000_000
_BLANK_DEVIATION = 1.0  # grey levels
_STRUCTURE_PX = 32  # at a side: noise is gone, and any radiograph is not
_FAINT_DEVIATION = 8.0
_BAND_SHARE = 0.03  # of the rows
_BAND_LEVELS = (96, 160)  # flat and darker or brighter: air, or the bare plate
_BAND_ALIKE = 0.95  # of a row's pixels
_ALIKE_LEVELS = 3
_BLOCK_PX = 8  # of a JPEG
_FILLED_SHARE = 1 / 3  # of the lines from an edge on; at most 0.15 in 2,434 radiographs of FracAtlas
_FILLED_LEVELS = (64, 192)  # brighter: paper around a negative; darker: air
_FILLED_ALIKE = 0.98  # of a line's pixels
_LINES = 240  # looked at

_LOOKS_LIKE = {
    "photograph": "a photograph",
    "drawing": "a screenshot, a diagram or a drawing",
    "cross_section": "a slice of a body, as MRI, CT and ultrasound show it",
}


def check(pixels: NDArray[np.uint8], name: str, min_side_px: int) -> None:
    """Refuse pixels too few or too uniform to show anything.

    Raises
    ------
    ImageFault
        ``too_small``, ``too_large``, ``blank`` or ``half_grey``.
    """
    size = f"{pixels.shape[0]} x {pixels.shape[1]}"
    if min(pixels.shape) < min_side_px:
        raise ImageFault("too_small", f"{name}: both sides need {min_side_px} pixels. Received: {size}")
    if max(pixels.shape) > _LONGEST_PX:
        raise ImageFault("too_large", f"{name}: a side may have {_LONGEST_PX} pixels. Received: {size}")
    if deviation(pixels) < _BLANK_DEVIATION:
        raise ImageFault("blank", f"{name}: nothing is to be seen on it")
    if (share := max(map(_filled_share, (pixels, pixels[::-1], pixels.T, pixels.T[::-1])))) >= _FILLED_SHARE:
        raise ImageFault("half_grey", f"{name}: {share:.0%} of it is one even grey, from an edge on")
    if _structure(pixels) < _BLANK_DEVIATION:
        raise ImageFault("blank", f"{name}: nothing but noise or a gradient is to be seen on it")


def unlike(name: str, judgement: Judgement, limit: float) -> Issue | None:
    """Name what is more like something else than like a radiograph: left out above the limit, or listed."""
    if judgement.score <= min(_LISTED, limit):
        return None
    detail = f"more like {_LOOKS_LIKE[judgement.kind]} than like a radiograph: score {judgement.score:.3f}"
    severity: Severity = "quarantined" if judgement.score > limit else "warning"
    return Issue.of(name, judgement.kind, detail)._replace(severity=severity)


def oddities(name: str, radiograph: images.Radiograph, levels: Pyramid) -> Iterator[Issue]:
    """List what is odd about a radiograph that stays in use."""
    yield from (Issue.of(name, *note) for note in radiograph.notes)
    pixels = radiograph.pixels
    size = f"{pixels.shape[0]} x {pixels.shape[1]} pixels"
    if min(pixels.shape) < _TINY_SIDE_PX:
        yield Issue.of(name, "tiny", size)
    if pixels.size > _LARGE_PIXELS:
        yield Issue.of(name, "large", size)
    if deviation(levels.half) < _FAINT_DEVIATION:
        yield Issue.of(name, "faint", "hardly any contrast")
    if _ends_filled(pixels):
        yield Issue.of(name, "grey_band", "the last rows repeat one block: a decoder filled them in")
    elif tear := torn.find(pixels):
        detail = f"{tear.levels:+.0f} grey levels from row {tear.row}, column {tear.column} on"
        yield Issue.of(name, "torn", detail)
    if overprint.has_marks(levels.medium):
        yield Issue.of(name, "drawn_marks", "a white arrow, circle or frame is drawn on it")
    if overprint.has_watermark(levels.medium):
        yield Issue.of(name, "watermark", "faint lettering repeats all over it")


def _structure(pixels: NDArray[np.uint8]) -> float:
    """Deviation, in grey levels, of what is no noise and no gradient along the sides."""
    small = resize.to_shape(pixels, (_STRUCTURE_PX, _STRUCTURE_PX), cv2.INTER_AREA).astype(np.float32)
    return float((small - small.mean(0) - small.mean(1, keepdims=True) + small.mean()).std())


def _filled_share(pixels: NDArray[np.uint8]) -> float:
    """Share of the rows, from the first on, that are of its grey, if that is neither air nor paper."""
    grey = float(np.median(pixels[0]))
    if not _FILLED_LEVELS[0] <= grey <= _FILLED_LEVELS[1] or not _alike(pixels[:1], grey)[0]:
        return 0.0
    lines = _alike(pixels[:: -(-len(pixels) // _LINES)], grey)
    return 1.0 if lines.all() else int(lines.argmin()) / len(lines)


def _alike(lines: NDArray[np.uint8], grey: float) -> NDArray[np.bool_]:
    return np.asarray((np.abs(lines - grey) <= _ALIKE_LEVELS).mean(axis=1) >= _FILLED_ALIKE)


def _ends_filled(pixels: NDArray[np.uint8]) -> bool:
    """Whether the last rows repeat one JPEG block, as lenient decoders fill what is missing.

    Flat black or white rows repeat too, but are what collimation and the bare plate look like.
    """
    last = pixels[-max(1, round(len(pixels) * _BAND_SHARE)) :]
    n_blocks = pixels.shape[1] // _BLOCK_PX
    blocks = last[:, : n_blocks * _BLOCK_PX].reshape(len(last), n_blocks, _BLOCK_PX)
    if not _repeats(blocks[-1:])[0]:  # spares nearly all radiographs the other rows
        return False
    typical = _typical(blocks)
    if np.ptp(typical) <= 2 * _ALIKE_LEVELS and not _BAND_LEVELS[0] <= typical.mean() <= _BAND_LEVELS[1]:
        return False
    return bool(_repeats(blocks).all())


def _repeats(blocks: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether nearly all blocks of each row, blocks by pixels, are alike."""
    alike = np.abs(blocks - _typical(blocks)[:, None]) <= _ALIKE_LEVELS
    return np.asarray(alike.mean(axis=(1, 2)) >= _BAND_ALIKE)


def _typical(blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give the median block of each row; on so little, `numpy.median` takes many times longer."""
    n_blocks = blocks.shape[1]
    middle = np.sort(blocks, axis=1)[:, [(n_blocks - 1) // 2, n_blocks // 2]]
    return np.asarray(middle.mean(axis=1, dtype=np.float32))
