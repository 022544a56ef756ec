"""Pictures a strip of rows at a time, so that no step needs a second copy of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.types import UInt8Array

_STRIP_PIXELS = 2**17


class Rows(Protocol):
    """A picture whose rows can be taken: an array, or something that makes arrays of a few rows."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width in pixels, perhaps channels."""

    def __getitem__(self, rows: slice, /) -> Any:
        """Give an array of these rows."""


@dataclass(frozen=True)
class Made:
    """Rows of a picture of this shape, made when they are asked for."""

    shape: tuple[int, ...]
    make: Callable[[slice], NDArray[Any]]

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        return self.make(rows)


def strips(rows: Rows) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Yield consecutive strips of rows: at most an eighth of a million pixels each, or one row."""
    height, width = rows.shape[:2]
    step = max(1, _STRIP_PIXELS // max(1, width))
    for start in range(0, height, step):
        taken = slice(start, min(start + step, height))
        yield taken, np.asarray(rows[taken])


def mapped(rows: Rows, function: Callable[[NDArray[Any]], Any]) -> UInt8Array:
    """Make grey pixels, shape (height_px, width_px), of each strip."""
    pixels = np.empty(rows.shape[:2], np.uint8)
    for taken, part in strips(rows):
        pixels[taken] = function(part)
    return pixels


def thinned(rows: Rows, side_px: int) -> NDArray[Any]:
    """Take every n-th pixel of every n-th row, so that the longer side is below twice ``side_px``."""
    step = max(1, max(rows.shape[:2]) // side_px)
    if step == 1:
        return np.concatenate([part for _, part in strips(rows)])
    return np.concatenate([part[-taken.start % step :: step, ::step].copy() for taken, part in strips(rows)])
