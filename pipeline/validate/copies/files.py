"""From facts about files to the numbers of their radiographs, and the table of the copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Validate
from pipeline.files import engine
from pipeline.validate import duplicates
from pipeline.validate.copies import alignment, groups
from pipeline.validate.copies.alignment import Transform
from pipeline.validate.copies.groups import Copy
from pipeline.validate.scan import Fact

COLUMNS = (
    "path", "copy_of", "score", "correlation", "moved_px", "overlap",
    "rotation_deg", "scale", "mirrored", "inverted",
)  # fmt: skip


class Copies(NamedTuple):
    """The copies among files.

    Attributes
    ----------
    numbers
        int64, shape (n_files,): equal for copies.
    table
        One row a pair that was laid over one another, the hardest first; the columns of `COLUMNS`, and
        ``transform``, float64, shape (2, 3), from (column, row) of ``path`` to that of ``copy_of``, in pixels
        of the files. Byte copies are not in it, nor pairs whose groups were joined already.
    """

    numbers: NDArray[np.int64]
    table: pd.DataFrame


def find(sound: Sequence[Fact], settings: Validate, pool: engine.Pool) -> Copies:
    """Find all copies, by bytes and by what they show; the order of the files does not matter.

    Parameters
    ----------
    sound
        The facts of all files that are used.
    settings
        How near copies must be.
    pool
        What compares them.
    """
    same_bytes = duplicates.equal_pairs([fact.sha256 for fact in sound])
    first = np.setdiff1d(np.arange(len(sound)), same_bytes[:, 1])  # pixels are compared once for equal bytes
    first = first[np.argsort([sound[row].sha256 for row in first])]
    distinct = [sound[row] for row in first]
    copies = groups.find(
        [fact.features for fact in distinct],
        np.stack([fact.thumbnail for fact in distinct]),
        squares={number: fact.squared for number, fact in enumerate(distinct) if fact.squared is not None},
        hash_distance=settings.hash_distance,
        min_score=settings.copy_agreement,
        pool=pool,
    )
    links = first[np.array([copy[:2] for copy in copies], dtype=np.int64).reshape(-1, 2)]
    rows = [_row(distinct[copy.first], distinct[copy.second], copy) for copy in copies]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "transform"])
    table = table.sort_values(["score", "path", "copy_of"], ignore_index=True)
    return Copies(duplicates.components(len(sound), same_bytes, links), table)


def _row(first: Fact, second: Fact, copy: Copy) -> tuple[object, ...]:
    transform = _in_pixels(first, second, copy.transform)
    agreement = copy.agreement
    figures = (agreement.score, agreement.correlation, agreement.moved_px, agreement.overlap)
    return (
        first.path,
        second.path,
        *(round(figure, 4) for figure in figures),
        *alignment.described(transform),
        agreement.inverted,
        transform,
    )


def _in_pixels(first: Fact, second: Fact, transform: Transform) -> Transform:
    """Turn a transform between thumbnails into one between the files' own pixels."""
    here, there = (
        alignment.scaling((fact.height_px, fact.width_px), fact.features.shape) for fact in (first, second)
    )
    in_pixels: Transform = (np.linalg.inv(there) @ np.vstack([transform, [0, 0, 1]]) @ here)[:2]
    return in_pixels
