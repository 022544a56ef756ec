"""What a file must meet before anything is made of it; a bundle carries those of the data behind it."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """At most so many pixels, so short a shorter side at least, so unlike a radiograph at most (0 to 1)."""

    max_pixels: int = 100_000_000
    min_side_px: int = 32
    not_radiograph: float = 0.99


DEFAULTS = Limits()
