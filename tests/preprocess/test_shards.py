from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipeline.files import outputs
from pipeline.preprocess import outlines, shards
from pipeline.preprocess.preparation import Record
from tests import records

FEATURES = {
    "image/encoded",
    "image/format",
    "image/filename",
    "image/source_id",
    "image/height",
    "image/width",
    "image/class/label",
    "image/class/text",
    "image/object/mask",
    "image/object/class/label",
    "image/object/bbox/ymin",
    "image/object/bbox/xmin",
    "image/object/bbox/ymax",
    "image/object/bbox/xmax",
}


def seven() -> list[Record]:
    return [records.record(i, split="val" if i == 3 else "train") for i in range(7)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards") / "shards"
    shards.write(folder, seven(), records_per_shard=4)
    return folder


@pytest.fixture(scope="module")
def index(written: Path) -> pd.DataFrame:
    return shards.read_index(written)


def test_canvas_label_and_masks_come_back(written: Path, index: pd.DataFrame) -> None:
    batches = list(shards.dataset(written, index, 3, with_masks=True).as_numpy_iterator())
    canvases, labels, masks = (np.concatenate(part) for part in zip(*batches, strict=True))
    expected = [records.canvas(i, fractured=i % 2 == 0) for i in range(7)]
    assert np.array_equal(canvases[..., 0], expected)
    assert labels.ravel().tolist() == [1, 0, 1, 0, 1, 0, 1]
    for position, mask in enumerate(masks[..., 0]):
        assert mask.sum() == (12 * 16 if position % 2 == 0 else 0)
        assert (mask[records.square(position)] == (position % 2 == 0)).all()


def test_batches_have_the_promised_types(written: Path, index: pd.DataFrame) -> None:
    canvases, labels, masks = next(iter(shards.dataset(written, index, 2, with_masks=True)))
    assert (canvases.dtype, labels.dtype, masks.dtype) == (tf.uint8, tf.float32, tf.float32)
    assert (canvases.shape, labels.shape, masks.shape) == ((2, 64, 64, 1), (2, 1), (2, 64, 64, 1))


def test_rows_are_read_in_any_order_with_repetitions(written: Path, index: pd.DataFrame) -> None:
    order = [6, 0, 3, 3, 5, 0]
    found = list(shards.canvases(written, index.iloc[order]))
    assert np.array_equal(found, [records.canvas(i, fractured=i % 2 == 0) for i in order])


def test_several_masks_are_joined(tmp_path: Path) -> None:
    one, other = records.record(0), records.record(2)
    both = Record(one.row, one.encoded, one.shape, one.placement, one.masks + other.masks, np.zeros((2, 4)))
    index = shards.write(tmp_path / "shards", [both], 1)
    _, _, mask = next(shards.dataset(tmp_path / "shards", index, 1, with_masks=True).as_numpy_iterator())
    expected = np.zeros((64, 64), bool)
    expected[records.square(0)] = expected[records.square(2)] = True
    assert np.array_equal(mask[0, :, :, 0] > 0, expected)
    assert index["fractures"].tolist() == [2]


def test_a_full_shard_is_followed_by_the_next(index: pd.DataFrame) -> None:
    assert index["shard"].tolist() == [
        "train-00000.tfrecord",
        "train-00000.tfrecord",
        "train-00000.tfrecord",
        "val-00000.tfrecord",
        "train-00000.tfrecord",
        "train-00001.tfrecord",
        "train-00001.tfrecord",
    ]


def test_tensorflow_reads_the_shards_as_they_are(written: Path) -> None:
    messages = tf.data.TFRecordDataset([str(file) for file in sorted(written.glob("*.tfrecord"))])
    examples = [tf.train.Example.FromString(message.numpy()) for message in messages]
    assert len(examples) == 7  # the CRCs hold
    feature = examples[0].features.feature
    assert set(feature) == FEATURES
    assert feature["image/filename"].bytes_list.value[0] == b"train/000 copy.jpg"
    assert list(feature["image/object/bbox/ymax"].float_list.value) == [12 / 64]
    assert list(feature["image/object/bbox/xmax"].float_list.value) == [16 / 64]


def test_the_index_gives_the_placement_and_the_manifest_back(index: pd.DataFrame) -> None:
    expected = seven()
    assert [shards.placement(row) for row in index.itertuples()] == [r.placement for r in expected]
    assert index["path"].tolist() == [r.row["path"] for r in expected]
    assert index["fractured"].tolist() == [r.row["fractured"] for r in expected]
    assert index["fractures"].tolist() == [1, 0, 1, 0, 1, 0, 1]


def test_the_index_adds_its_own_columns_to_the_manifests(index: pd.DataFrame) -> None:
    assert set(index) - set(records.record(0).row) == set(shards.PLACE)


def test_equal_records_give_equal_bytes(written: Path, tmp_path: Path) -> None:
    shards.write(tmp_path / "again", seven(), records_per_shard=4)
    files = {file.name: file.read_bytes() for file in written.iterdir()}
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "again").iterdir()}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shards.write(tmp_path / "shards", seven(), records_per_shard=4)
    return tmp_path / "shards"


@pytest.mark.parametrize("name", ["train-00001.tfrecord", "index.csv"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
@pytest.mark.reliability(38)
def test_a_damaged_file_is_refused_with_the_cure(copy: Path, name: str, damage: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).unlink()
    if damage != "remove":
        (copy / name).write_bytes(data if damage == "flip" else data[:-1])
    with pytest.raises(shards.ShardError, match=rf"{name} .*dvc repro -f preprocess"):
        shards.read_index(copy)


def test_canvases_of_another_size_are_refused_with_the_cure(written: Path) -> None:
    shape = next(shards.canvases(written, shards.read_index(written))).shape
    assert len(shards.read_index(written, shape)) > 0
    with pytest.raises(shards.ShardError, match=r"\(96, 32\).*height_px.*dvc repro -f preprocess"):
        shards.read_index(written, (96, 32))


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"[]"])
@pytest.mark.reliability(38)
def test_damaged_checksums_are_refused_with_the_cure(copy: Path, content: bytes | None) -> None:
    (copy / shards.CHECKSUMS).unlink()
    if content is not None:
        outputs.write_bytes(copy / shards.CHECKSUMS, content)
    with pytest.raises(shards.ShardError, match=r"shards\.json .*dvc repro -f preprocess"):
        shards.read_index(copy)


@pytest.mark.reliability(18)
def test_a_carriage_return_in_a_name_stays_in_its_row(tmp_path: Path) -> None:
    odd = records.record(1)
    odd.row["path"] = "train/fractured/a\rb.png"
    shards.write(tmp_path / "shards", [records.record(0), odd], records_per_shard=4)
    index = shards.read_index(tmp_path / "shards")
    assert index["path"].tolist() == [records.record(0).row["path"], "train/fractured/a\rb.png"]


def test_outlines_come_with_masks_and_lie_nowhere_where_nothing_is_drawn(tmp_path: Path) -> None:
    whole, one = records.record(1), records.record(0)
    two = dataclasses.replace(records.record(2), masks=(*one.masks, *records.record(2).masks))
    index = shards.write(tmp_path / "shards", [whole, one, two], records_per_shard=4)
    stand_in = {one.row["path"]: one.masks[0]}
    (batch,) = shards.dataset(tmp_path / "shards", index, 3, with_outlines=True, masks=stand_in)
    masks, points = batch[2].numpy(), batch[3].numpy()
    assert points.shape == (3, 2, outlines.N_POINTS, 2)
    assert (points[:2] == outlines.NOWHERE).all()  # a mask that stands in has no outline
    assert masks[1].any()
    rows, columns = records.square(2)
    assert points[2, 1].min(axis=0).tolist() == [rows.start + 0.5, columns.start + 0.5]
    assert points[2, 1].max(axis=0).tolist() == [rows.stop - 0.5, columns.stop - 0.5]
