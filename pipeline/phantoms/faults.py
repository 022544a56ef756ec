"""Which files the phantoms are, the planted faults among them, and how each file is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.config import Phantoms
from pipeline.dataset.layout import SPLITS
from pipeline.files import images
from pipeline.phantoms.drawing import Phantom, draw
from pipeline.types import AnyArray, UInt8Array

FAULTS = (
    "rotated_copy",
    "truncated",
    "byte_copy_across_splits",
    "png_named_jpg",
    "flipped_copy",
    "byte_copy",
    "rotated_copy",
    "jpeg_named_png",
    "quarter_turn_copy",
)
"""Planted in turn. Copies are further files; the others befall a drawn file itself."""

_COPY_SUFFIX = {
    "rotated_copy": "-rotated1",
    "byte_copy_across_splits": "",
    "flipped_copy": "-flipped",
    "byte_copy": " - Copy",
    "quarter_turn_copy": "-turned",
}
_PNG_SHARE = 0.12
_KEPT_BYTES = 0.6  # of a truncated file


@dataclass(frozen=True)
class Order:
    """One file to make: the radiograph's address, and what goes wrong with it."""

    path: str  # relative to the folder of the phantoms
    split: str
    index: int
    fractured: bool
    fault: str = ""
    source: str = ""  # path of the file that this one is a copy of


@dataclass(frozen=True)
class MadeFile:
    """The bytes of a file and what they show; size and polygon are those of the written image."""

    order: Order
    data: bytes
    phantom: Phantom


def plan(settings: Phantoms, seed: int) -> list[Order]:
    """List every file, in the order of their paths.

    Of the radiographs, which ``settings`` counts before faults, a share ``fault_share`` is the
    source or the victim of one fault each. A copy keeps its source's class.
    """
    orders = list(_sound(settings, seed))
    rng = np.random.default_rng([seed, len(SPLITS)])
    n_faults = round(settings.fault_share * len(orders))
    chosen = rng.permutation(len(orders))[:n_faults]
    copies = []
    for position, fault in zip(chosen, islice(cycle(FAULTS), n_faults), strict=True):
        order = orders[position]
        if fault in _COPY_SUFFIX:
            copies.append(_copy(order, fault, rng))
        else:
            orders[position] = _spoilt(order, fault)
    return sorted([*orders, *copies], key=lambda order: order.path)


def make(order: Order, *, seed: int, side_px: tuple[int, int]) -> MadeFile:
    """Draw, transform and encode one file; it depends on the arguments alone."""
    phantom = draw(seed, order.split, order.index, fractured=order.fractured, side_px=side_px)
    rng = np.random.default_rng([seed, SPLITS.index(order.split), order.index, 2])
    quality = int(rng.integers(80, 96))
    if order.fault == "rotated_copy":
        phantom = _rotated(phantom, float(rng.choice([-1, 1]) * rng.uniform(5, 15)))
    elif order.fault == "flipped_copy":
        phantom = _flipped(phantom)
    elif order.fault == "quarter_turn_copy":
        phantom = _quarter_turned(phantom)
    as_png = order.path.endswith(".png") != (order.fault in ("png_named_jpg", "jpeg_named_png"))
    data = images.encode_png(phantom.pixels) if as_png else images.encode_jpeg(phantom.pixels, quality)
    if order.fault == "truncated":
        data = data[: int(_KEPT_BYTES * len(data))]
    return MadeFile(order, data, phantom)


def _sound(settings: Phantoms, seed: int) -> Iterator[Order]:
    share = settings.fractured_share
    for split, count in zip(SPLITS, (settings.train, settings.val, settings.test), strict=True):
        for index in range(count):
            fractured = int((index + 1) * share) > int(index * share)
            coin = np.random.default_rng([seed, SPLITS.index(split), index, 1]).random()
            suffix = ".png" if coin < _PNG_SHARE else ".jpg"
            yield Order(
                f"{split}/{_class_folder(fractured)}/{split}-{index:04d}{suffix}", split, index, fractured
            )


def _copy(order: Order, fault: str, rng: np.random.Generator) -> Order:
    source = PurePosixPath(order.path)
    others = [split for split in SPLITS if split != order.split]
    split = order.split if fault == "byte_copy" else str(rng.choice(others))
    name = f"{source.stem}{_COPY_SUFFIX[fault]}{source.suffix}"
    return replace(order, path=f"{split}/{source.parent.name}/{name}", fault=fault, source=order.path)


def _spoilt(order: Order, fault: str) -> Order:
    suffix = ".png" if fault == "jpeg_named_png" else ".jpg"
    return replace(order, path=str(PurePosixPath(order.path).with_suffix(suffix)), fault=fault)


def _class_folder(fractured: bool) -> str:
    return "fractured" if fractured else "not fractured"


def _rotated(phantom: Phantom, degrees: float) -> Phantom:
    """Rotate about the centre within the same frame; the corners become black."""
    height_px, width_px = phantom.pixels.shape
    turn = cv2.getRotationMatrix2D(((width_px - 1) / 2, (height_px - 1) / 2), degrees, 1.0)
    pixels = cv2.warpAffine(phantom.pixels, turn, (width_px, height_px), flags=cv2.INTER_LINEAR)
    if phantom.polygon is None:
        return replace(phantom, pixels=_grey(pixels))
    polygon = (phantom.polygon - 0.5) @ turn[:, :2].T + turn[:, 2] + 0.5
    return replace(phantom, pixels=_grey(pixels), polygon=np.clip(polygon, 0, (width_px, height_px)))


def _flipped(phantom: Phantom) -> Phantom:
    """Mirror left and right."""
    width_px = phantom.pixels.shape[1]
    return _mapped(phantom, phantom.pixels[:, ::-1], np.array([[-1, 0], [0, 1]]), (width_px, 0))


def _quarter_turned(phantom: Phantom) -> Phantom:
    """Turn by a right angle, anticlockwise."""
    width_px = phantom.pixels.shape[1]
    return _mapped(phantom, np.rot90(phantom.pixels), np.array([[0, 1], [-1, 0]]), (0, width_px))


def _mapped(phantom: Phantom, pixels: UInt8Array, matrix: AnyArray, shift: tuple[float, float]) -> Phantom:
    polygon = None if phantom.polygon is None else phantom.polygon @ matrix.T + shift
    return replace(phantom, pixels=np.ascontiguousarray(pixels), polygon=polygon)


def _grey(pixels: NDArray[np.generic]) -> UInt8Array:
    return pixels.astype(np.uint8, copy=False)
