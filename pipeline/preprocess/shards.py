"""Preprocessed radiographs as TFRecord shards with random access.

A shard is a plain TFRecord file of `examples`. ``index.csv`` beside them holds one row a radiograph, with the
place of its record, so that any row can be read without reading the others; ``shards.json`` holds each file's
sha256, since DVC does not notice a cache file that has rotted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.dataset import labels, manifest, tables
from pipeline.files import outputs
from pipeline.preprocess import examples, outlines
from pipeline.preprocess.canvas import Placement
from pipeline.preprocess.preparation import Record

INDEX, CHECKSUMS = "index.csv", "shards.json"
PLACE = (  # columns of the index that are not the manifest's: where a record lies, and the way back
    *("shard", "offset", "length", "fractures", "inverted", "scale", "pad_row", "pad_column"),
    *("crop_row", "crop_column", "crop_height", "crop_width"),
)
_RECORD_OVERHEAD = 16  # TFRecord: length (8) and its CRC (4) before the data, the data's CRC (4) after
_HEADER = 12


class ShardError(ValueError):
    """A shard, its index or its checksums do not fit together."""


def write(folder: Path, records: Iterable[Record], records_per_shard: int) -> pd.DataFrame:
    """Write the shards, their index and their checksums.

    Returns
    -------
    DataFrame
        The index: the manifest's columns, ``shard``, ``offset``, ``length``, ``fractures`` and the placement.
    """
    folder.mkdir(parents=True)
    rows: list[dict[str, Any]] = []
    by_split: dict[str, _SplitWriter] = {}
    for record in records:
        split = record.row["split"]
        writer = by_split.setdefault(split, _SplitWriter(folder, split, records_per_shard))
        rows.append(record.row | writer.write(examples.encode(record)) | _remarks(record))
    for writer in by_split.values():
        writer.close()
    index = pd.DataFrame(rows)
    index.to_csv(folder / INDEX, index=False, lineterminator="\n")
    files = [folder / INDEX, *sorted(folder.glob("*.tfrecord"))]
    outputs.write_json(folder / CHECKSUMS, {file.name: outputs.sha256(file) for file in files})
    return index


def read_index(folder: Path, canvas_shape: tuple[int, int] | None = None) -> pd.DataFrame:
    """Read the index after checking every shard against its sha256.

    Parameters
    ----------
    folder
        Where the shards lie.
    canvas_shape
        Height and width that the canvases must have; None: any.

    Raises
    ------
    ShardError
        A file is missing or is not the one that ``preprocess`` wrote, or its canvases have another size.
    """
    advice = "Run `dvc repro -f preprocess`."
    try:
        expected = dict(json.loads((folder / CHECKSUMS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ShardError(f"{folder / CHECKSUMS} cannot be read: {error}. {advice}") from error
    if INDEX not in expected:
        raise ShardError(f"{folder / CHECKSUMS} does not name {INDEX}. {advice}")
    for name, sha256 in expected.items():
        file = folder / name
        if not file.is_file() or outputs.sha256(file) != sha256:
            raise ShardError(f"{file} is missing or damaged: its sha256 is not the recorded one. {advice}")
    own = {*labels.RESERVED, "path"} - {manifest.FOLD}
    columns = tables.measured(folder / INDEX, nrows=0)
    text = dict.fromkeys([name for name in columns if name not in own], "str")
    index = tables.measured(folder / INDEX, dtype=text, na_values={"sampling_weight": [""]})
    if canvas_shape is not None:
        for found in map(examples.canvas_shape, _read_records(folder, index[:1])):
            if found != canvas_shape:
                raise ShardError(
                    f"{folder} must hold canvases of {canvas_shape}, as preprocess.height_px and width_px "
                    f"say. Received: {found}. {advice}"
                )
    return index


def placement(row: Any) -> Placement:
    """Rebuild the placement of one index row (a Series or a named tuple)."""
    crop = (int(row.crop_row), int(row.crop_column), int(row.crop_height), int(row.crop_width))
    return Placement(
        int(row.height_px),
        int(row.width_px),
        bool(row.inverted),
        crop,
        row.scale,
        row.pad_row,
        row.pad_column,
    )


def dataset(
    folder: Path,
    index: pd.DataFrame,
    batch_size: int,
    *,
    with_masks: bool = False,
    with_outlines: bool = False,
    masks: Mapping[str, bytes] = MappingProxyType({}),
) -> tf.data.Dataset:
    """Stream index rows, in their order and with repetitions, as batches; wrap it in ``engine.ahead``.

    Parameters
    ----------
    folder
        Where the shards lie.
    index
        Rows of the index.
    batch_size
        Radiographs a batch; the last one may be smaller.
    with_masks
        Whether to add the union of the fracture masks.
    with_outlines
        Whether to add it and the outline of each fracture (:mod:`pipeline.preprocess.outlines`).
    masks
        By path, the PNG of a mask (M, N) that stands in for those of the record; it has no outline.

    Returns
    -------
    tf.data.Dataset
        Of ``(canvas, fractured)``, ``(canvas, fractured, mask)`` or ``(canvas, fractured, mask, outlines)``:
        uint8 (B, M, N, 1), float32 (B, 1), float32 (B, M, N, 1) and float32 (B, K, 32, 2), where K is the
        largest number of fractures of a radiograph, at least 1, and outlines that are missing lie nowhere.
    """
    parse = (
        examples.with_outlines if with_outlines else examples.with_mask if with_masks else examples.labelled
    )
    instead = [masks.get(path, b"") for path in index["path"]]
    records = tf.data.Dataset.from_generator(
        lambda: zip(_read_records(folder, index), instead, strict=True),
        output_signature=(tf.TensorSpec((), tf.string), tf.TensorSpec((), tf.string)),
    )
    parsed = records.map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    if not with_outlines:
        return parsed.batch(batch_size)
    padding = (np.uint8(0), 0.0, 0.0, outlines.NOWHERE)
    return parsed.padded_batch(batch_size, padding_values=padding)


def canvases(folder: Path, index: pd.DataFrame) -> Iterator[NDArray[np.uint8]]:
    """Yield the canvas (M, N) of each index row."""
    for (canvas, _), _ in zip(dataset(folder, index, 1).as_numpy_iterator(), range(len(index)), strict=True):
        yield canvas[0, :, :, 0]


class _SplitWriter:
    """Writes the records of one split into numbered shards and returns where each lies."""

    def __init__(self, folder: Path, split: str, records_per_shard: int) -> None:
        self.folder, self.split, self.records_per_shard = folder, split, records_per_shard
        self.count = self.offset = 0
        self.file: tf.io.TFRecordWriter | None = None

    def write(self, message: bytes) -> dict[str, Any]:
        shard, within = divmod(self.count, self.records_per_shard)
        name = f"{self.split}-{shard:05d}.tfrecord"
        if self.file is None or within == 0:
            self.close()
            self.file, self.offset = tf.io.TFRecordWriter(str(self.folder / name)), 0
        self.file.write(message)
        place = {"shard": name, "offset": self.offset + _HEADER, "length": len(message)}
        self.count, self.offset = self.count + 1, self.offset + len(message) + _RECORD_OVERHEAD
        return place

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


def _read_records(folder: Path, index: pd.DataFrame) -> Iterator[bytes]:
    open_files = {name: (folder / name).open("rb") for name in sorted(set(index["shard"]))}
    try:
        for name, offset, length in zip(index["shard"], index["offset"], index["length"], strict=True):
            open_files[name].seek(offset)
            yield open_files[name].read(length)
    finally:
        for file in open_files.values():
            file.close()


def _remarks(record: Record) -> dict[str, Any]:
    """Columns of the index: how many fractures are drawn, and the way back."""
    placed = record.placement
    names = ("crop_row", "crop_column", "crop_height", "crop_width")
    return dict(zip(names, placed.crop, strict=True)) | {
        "fractures": len(record.masks),
        "inverted": placed.inverted,
        "scale": placed.scale,
        "pad_row": placed.row,
        "pad_column": placed.column,
    }
