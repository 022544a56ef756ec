"""What a file must meet before anything is made of it; a bundle carries those of the data behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pipeline.config import Validate  # a worker need not start pydantic


class Limits(NamedTuple):
    """At most so many pixels, so short a shorter side at least, so unlike a radiograph at most (0 to 1)."""

    max_pixels: int = 100_000_000
    min_side_px: int = 32
    not_radiograph: float = 0.99

    @classmethod
    def of(cls, settings: Validate) -> Limits:
        """Take the limits from the settings; a tuple travels lighter between processes."""
        return cls(settings.max_pixels, settings.min_side_px, settings.not_radiograph)


DEFAULTS = Limits()
