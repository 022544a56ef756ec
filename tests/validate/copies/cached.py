"""What `scan.inspect` keeps of a file, from pixels alone, and the copies found among such files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline import config
from pipeline.files import engine
from pipeline.validate import pyramid
from pipeline.validate.copies import files, spill_cache
from pipeline.validate.copies.files import Copies
from pipeline.validate.copies.spill_cache import CopyFeatures
from pipeline.validate.scan import Fact
from tests.imports import REPOSITORY

SETTINGS = config.read(REPOSITORY / "params.yaml").validation

UInt8Array = NDArray[np.uint8]


def features(pixels: UInt8Array) -> CopyFeatures:
    """What of a radiograph is compared."""
    return spill_cache.extract(pyramid.medium(pixels))


def fact(name: str, pixels: UInt8Array) -> Fact:
    """Describe a sound file; its name stands for its bytes too."""
    compared = features(pixels)
    return Fact(
        path=name,
        published_split="train",
        fractured=True,
        sha256=name,
        height_px=pixels.shape[0],
        width_px=pixels.shape[1],
        thumbnail=pyramid.build(pixels).thumbnail,
        features=compared,
        squared=spill_cache.squared(pyramid.medium(pixels)),
    )


def copies(radiographs: Sequence[UInt8Array]) -> Copies:
    """Find the copies among radiographs, named by their numbers, with the settings of the repository."""
    facts = [fact(f"{number:05}", pixels) for number, pixels in enumerate(radiographs)]
    return files.find(facts, SETTINGS, engine.HERE)
