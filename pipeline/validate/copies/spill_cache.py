"""The features by which radiographs are compared, in memory or spilled to a file until they are needed."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from pipeline.types import Float32Array, UInt8Array
from pipeline.validate.copies import thumbnails
from pipeline.validate.copies.alignment import Detail
from pipeline.validate.copies.keypoints import Keypoints, describe, invariants

_PROCESS = uuid4().hex  # two machines may have processes of one number
_CACHED = 512  # features that a process keeps in memory: neighbouring pairs often share a radiograph
_LONG = 1.25  # longer by shorter side: up to there, the votes of stretched copies agree well enough


@dataclass(frozen=True)
class CopyFeatures:
    """A radiograph's thumbnail and keypoints, and what is computed from them on first use."""

    thumbnail: UInt8Array
    keypoints: Keypoints

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns of the thumbnail."""
        return self.thumbnail.shape

    @cached_property
    def invariants(self) -> Float32Array:
        """What describes its keypoints; see `keypoints.invariants`."""
        return invariants(self.keypoints.patches)

    @cached_property
    def coarse(self) -> Detail:
        """Fine structure of the thumbnail at half its size; see `thumbnails.detail`."""
        return thumbnails.detail(thumbnails.halved(self.thumbnail))

    @cached_property
    def fine(self) -> Detail:
        """Fine structure of the thumbnail."""
        return thumbnails.detail(self.thumbnail)


class Spilled(NamedTuple):
    """Features in a file: where they lie, and the shape of their thumbnail."""

    file: Path
    start: int
    n_bytes: int
    shape: tuple[int, ...]


class View(NamedTuple):
    """A radiograph as a square shows it."""

    features: CopyFeatures | Spilled
    keypoints: Keypoints


def extract(medium: UInt8Array) -> CopyFeatures:
    """Extract the features of a radiograph, or of a smaller copy of it."""
    return _extract(thumbnails.shrink(medium))


def squared(medium: UInt8Array, folder: Path | None = None) -> View | None:
    """Force a long radiograph into a square and extract its features; None for one that is hardly long.

    Copies that were forced into a square and then turned are stretched along no axis of the radiograph, but
    they are a mere turn of this.

    Parameters
    ----------
    medium
        uint8, shape (height_px, width_px): the radiograph, or a smaller copy of it.
    folder
        Where to spill the features; without one they stay in memory.
    """
    if max(medium.shape) < _LONG * min(medium.shape):
        return None
    features = _extract(thumbnails.squared(medium))
    return View(spill(features, folder) if folder else features, features.keypoints)


def spill(features: CopyFeatures, folder: Path) -> Spilled:
    """Append features to a file of this process, so that many need no more memory than one."""
    data = pickle.dumps((features.thumbnail, features.keypoints), protocol=pickle.HIGHEST_PROTOCOL)
    path = folder / f"{_PROCESS}.features"
    with path.open("ab", buffering=0) as file:
        start = file.tell()
        file.write(data)
    return Spilled(path, start, len(data), features.shape)


def load(features: CopyFeatures | Spilled) -> CopyFeatures:
    """Read features that were spilled; others are returned as they are."""
    return features if isinstance(features, CopyFeatures) else _read(features)


def _extract(thumbnail: UInt8Array) -> CopyFeatures:
    return CopyFeatures(thumbnail, describe(thumbnail))


@lru_cache(maxsize=_CACHED)
def _read(spilled: Spilled) -> CopyFeatures:
    with spilled.file.open("rb", buffering=0) as file:
        file.seek(spilled.start)
        return CopyFeatures(*pickle.loads(file.read(spilled.n_bytes)))
