"""Which radiographs a released model learnt from, told by hashes alone: no name and no picture travels.

Of each radiograph the first 64 bits of its file's sha256, and the perceptual hash by which the check for
copies finds its candidates (`duplicates.hashes`). Equal bytes are certain. Hashes that differ in few bits
make a candidate: other radiographs of the same view differ in as few now and then, and a copy that was turned
by some degrees or cropped differs in many. `benchmarks/learnt_hashes.py` says how often; where pixels of both
are at hand, `confirmed` asks what the check asks of copies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.files import engine, images, outputs
from pipeline.files.limits import Limits
from pipeline.types import BoolArray, Int64Array, UInt8Array, UInt64Array
from pipeline.validate import duplicates, intake
from pipeline.validate.copies import alignment
from pipeline.validate.copies.spill_cache import CopyFeatures
from pipeline.validate.copies.verification import Pair, verify

DISTANCE = 4  # bits of 64, in any of the 8 flips and right-angle turns; see benchmarks/learnt_hashes.py


class Learnt(NamedTuple):
    """What is known of the radiographs that a model learnt from.

    Attributes
    ----------
    digests, codes
        uint64, shape (n_radiographs,): the beginning of each file's sha256, and its perceptual hash; in the
        order of the digests.
    """

    digests: UInt64Array
    codes: UInt64Array


class File(NamedTuple):
    """A radiograph that was learnt from: where it lies, and the sha256 that the manifest names."""

    path: Path
    sha256: str
    limits: Limits


class Matches(NamedTuple):
    """Given radiographs beside those that they may be.

    Attributes
    ----------
    certain
        bool, shape (n_given,): whether the same bytes were learnt from.
    pairs
        int64, shape (n_pairs, 3): a given radiograph, one that was learnt from, and the variant that turns
        the first into the second; see `duplicates.transform`.
    """

    certain: BoolArray
    pairs: Int64Array

    @property
    def suspected(self) -> BoolArray:
        """bool, shape (n_given,): whether it was learnt from for certain, or may have been by its hash."""
        found = self.certain.copy()
        found[self.pairs[:, 0]] = True
        return found


def build(sha256: Sequence[str], thumbnails: UInt8Array) -> Learnt:
    """Hash the radiographs that a model learnt from.

    Parameters
    ----------
    sha256
        Of their files, in hexadecimal.
    thumbnails
        uint8, shape (n_radiographs, 64, 64): each whole, aspect not kept.
    """
    digests, codes = _digests(sha256), duplicates.hashes(thumbnails)[:, 0]
    order = np.argsort(digests, kind="stable")
    return Learnt(digests[order], codes[order])


def union(first: Learnt, second: Learnt) -> Learnt:
    """Join what two models learnt from, each radiograph once."""
    rows = np.unique(np.concatenate([np.column_stack(first), np.column_stack(second)]), axis=0)
    return Learnt(*np.ascontiguousarray(rows.T))


def of_files(files: Sequence[File], workers: int) -> Learnt:
    """Read and hash the radiographs that a model learnt from.

    Raises
    ------
    ValueError
        One is not the file that the manifest names.
    """
    found = engine.process(_thumbnail, files, workers=workers, label="hash")
    return build([file.sha256 for file in files], np.stack([*found]))


def write(path: Path, learnt: Learnt) -> None:
    """Write 16 bytes a radiograph; equal bytes for equal radiographs in any order."""
    buffer = BytesIO()
    np.save(buffer, np.column_stack(learnt).astype("<u8"), allow_pickle=False)
    outputs.write_bytes(path, buffer.getvalue())


def read(path: Path) -> Learnt:
    """Read what :func:`write` wrote.

    Raises
    ------
    ValueError
        The file is damaged, or holds something else.
    """
    try:
        table = np.load(BytesIO(path.read_bytes()), allow_pickle=False)
        if table.dtype != np.dtype("<u8") or table.ndim != 2 or table.shape[1] != len(Learnt._fields):
            raise ValueError(f"{table.dtype} {table.shape}")
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} must be as `fracture release` wrote it. Received: {error}.") from error
    return Learnt(*np.ascontiguousarray(table.T, np.uint64))


def certain(learnt: Learnt, sha256: Sequence[str]) -> BoolArray:
    """Say which files were learnt from byte for byte: bool, one each."""
    return np.isin(_digests(sha256), learnt.digests)


def match(learnt: Learnt, sha256: Sequence[str], thumbnails: UInt8Array, distance: int = DISTANCE) -> Matches:
    """Say which of given radiographs were learnt from: for certain by their bytes, perhaps by hashes.

    Parameters
    ----------
    sha256, thumbnails
        Of the given ones, as for :func:`build`.
    distance
        Bits of 64 that may differ.
    """
    given = duplicates.hashes(thumbnails)
    known = np.repeat(learnt.codes[:, None], given.shape[1], axis=1)  # only the first column is compared
    near = duplicates.candidates(np.concatenate([given, known]), distance)
    pairs = near[(near[:, 0] < len(given)) & (near[:, 1] >= len(given))]
    return Matches(certain(learnt, sha256), pairs - np.array([0, len(given), 0]))


def confirmed(
    matches: Matches,
    given: Sequence[CopyFeatures],
    learnt: Mapping[int, CopyFeatures],
    min_score: float,
) -> BoolArray:
    """Confirm pairs where pixels of both are at hand, by what the check asks of copies.

    Parameters
    ----------
    given
        Features of the given radiographs.
    learnt
        Those of the radiographs that were learnt from, by their row in `Learnt`, as far as they are at hand.
    min_score
        ``validate.copy_agreement``.

    Returns
    -------
    ndarray of bool, shape (n_given,)
        Whether it was learnt from: for certain, or confirmed.
    """
    found = matches.certain.copy()
    for row, other, variant in matches.pairs.tolist():
        if found[row] or other not in learnt:
            continue
        first, second = given[row], learnt[other]
        framed = alignment.from_frames(variant, first.shape, second.shape)
        found[row] = verify(Pair(first, second, (), (framed,))).is_copy(min_score)
    return found


def _digests(sha256: Sequence[str]) -> UInt64Array:
    return np.array([int(each[:16], 16) for each in sha256], np.uint64)


def _thumbnail(file: File) -> UInt8Array:
    data = images.read_bytes(file.path)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise ValueError(
            f"{file.path} must be the file that the manifest names. Received: another one. Run `dvc repro`."
        )
    return intake.examine(data, file.path.name, file.limits).levels.thumbnail
