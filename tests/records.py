"""Small preprocessed radiographs, drawn without decoding any."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.files import images
from pipeline.preprocess.canvas import Placement
from pipeline.preprocess.preparation import Record

SIDE = 64


def canvas(position: int, *, fractured: bool) -> NDArray[np.uint8]:
    """Noise about mid grey; a bright square where the fracture is."""
    pixels = np.random.default_rng(position).integers(60, 120, (SIDE, SIDE), dtype=np.uint8)
    if fractured:
        pixels[square(position)] = 250
    return pixels


def square(position: int) -> tuple[slice, slice]:
    top, left = (position * 7) % 40, (position * 11) % 40
    return np.s_[top : top + 12, left : left + 16]


def record(position: int, *, split: str = "train", group_size: int = 1) -> Record:
    """Every other radiograph is fractured; those of one group follow each other in steps of two."""
    fractured = position % 2 == 0
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[square(position)] = 255
    rows, columns = square(position)
    box = np.array([rows.start, columns.start, rows.stop, columns.stop]) / SIDE
    row = {
        "path": f"{split}/{position:03d} copy.jpg",
        "split": split,
        "fractured": fractured,
        "group": f"g{position // (2 * group_size)}-{position % 2}",
        "sampling_weight": 1 / group_size,
        "height_px": 128,
        "width_px": 128,
    }
    return Record(
        row,
        images.encode_png(canvas(position, fractured=fractured)),
        (SIDE, SIDE),
        Placement(128, 128, False, (0, 0, 128, 128), 0.5, 0.0, 0.0),
        (images.encode_png(mask),) if fractured else (),
        box.reshape(-1, 4) if fractured else np.empty((0, 4)),
    )
