"""What of a radiograph is compared, in memory or set aside in a file until its turn comes."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from pipeline.types import BoolArray, Float32Array, UInt8Array
from pipeline.validate.copies import thumbnails
from pipeline.validate.copies.keypoints import Keypoints, describe, invariants

_AT_HAND = 512  # subjects that a process holds: those of neighbouring pairs are often the same

Detail = tuple[Float32Array, BoolArray]


@dataclass(frozen=True)
class Subject:
    """A radiograph's look and keypoints, and what is computed from them when it is asked for."""

    look: UInt8Array
    keypoints: Keypoints

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns of the look."""
        return self.look.shape

    @cached_property
    def invariants(self) -> Float32Array:
        """What describes its keypoints; see `keypoints.invariants`."""
        return invariants(self.keypoints.patches)

    @cached_property
    def coarse(self) -> Detail:
        """Fine structure of the look at half its size; see `looks.detail`."""
        return thumbnails.detail(thumbnails.halved(self.look))

    @cached_property
    def fine(self) -> Detail:
        """Fine structure of the look."""
        return thumbnails.detail(self.look)


class Kept(NamedTuple):
    """A subject set aside: where it lies, and the shape of its look."""

    file: Path
    start: int
    n_bytes: int
    shape: tuple[int, ...]


def of(medium: UInt8Array) -> Subject:
    """Take what is compared from a radiograph, or from a smaller copy of it."""
    look = thumbnails.look(medium)
    return Subject(look, describe(look))


def set_aside(subject: Subject, folder: Path) -> Kept:
    """Write a subject into a file of this process: many subjects need no more memory than one."""
    data = pickle.dumps((subject.look, subject.keypoints), protocol=pickle.HIGHEST_PROTOCOL)
    path = folder / f"{os.getpid()}.subjects"
    with path.open("ab", buffering=0) as file:
        start = file.tell()
        file.write(data)
    return Kept(path, start, len(data), subject.shape)


def at_hand(subject: Subject | Kept) -> Subject:
    """Read a subject that was set aside."""
    return subject if isinstance(subject, Subject) else _read(subject)


@lru_cache(maxsize=_AT_HAND)
def _read(kept: Kept) -> Subject:
    with kept.file.open("rb", buffering=0) as file:
        file.seek(kept.start)
        return Subject(*pickle.loads(file.read(kept.n_bytes)))
