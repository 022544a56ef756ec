"""Stages on radiographs at an address: as on the same files in a folder, and fault by fault."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import addresses
from pipeline.config import Config
from pipeline.dataset import layout
from pipeline.files import images, stores
from pipeline.files.limits import Limits
from pipeline.stages import preprocess, validate
from pipeline.statistics import forests
from pipeline.validate import listing, scan
from tests import buckets
from tests.stages.test_validate import radiograph, settings_for

FOLDERS = [f"{split}/{name}" for split in layout.SPLITS for name in layout.CLASS_FOLDERS]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a few radiographs, a copy and files with faults."""
    folder = tmp_path_factory.mktemp("radiographs") / "data"
    for number, name in enumerate(FOLDERS):
        (folder / name).mkdir(parents=True)
        for row in range(3):
            images.write(folder / name / f"{row} 50% \u00fc.png", radiograph(100 * number + row))
    images.write(folder / "test/fractured/copy.png", radiograph(0)[:, ::-1])
    (folder / "val/fractured/empty.png").write_bytes(b"")
    (folder / "val/fractured/text.jpg").write_text("no picture")
    (folder / "train/fractured/.hidden.png").write_bytes(b"hidden")
    (folder / "train/other").mkdir()
    (folder / "train/other/a.png").write_bytes(b"in no class")
    return folder


@pytest.fixture(scope="module")
def bucket(root: Path) -> Iterator[buckets.Bucket]:
    with buckets.served() as endpoint:
        stores._store.cache_clear()
        made = buckets.Bucket(endpoint, "hospital")
        made.put_folder(root, "data")
        yield made
        stores._store.cache_clear()


def ready(monkeypatch: pytest.MonkeyPatch, place: Path) -> Path:
    place.mkdir()
    monkeypatch.chdir(place)  # no dvc.yaml here: nothing is tracked
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(forests, "_N_VOTES", 10)
    return place


def settings_at(root: Path, place: Path) -> Config:
    """Settings with all outputs below a place."""
    config = settings_for(root, place)
    paths = config.paths.model_copy(update={"shards": place / "shards", "models": place / "models"})
    canvas = config.preprocess.model_copy(update={"height_px": 96, "width_px": 96})
    return config.model_copy(update={"paths": paths, "preprocess": canvas})


def written(place: Path) -> dict[str, bytes]:
    files = {path.relative_to(place): path for path in place.rglob("*") if path.is_file()}
    return {str(name): path.read_bytes() for name, path in files.items() if name.parts[0] != ".fetched"}


def test_radiographs_at_an_address_give_the_bytes_that_a_folder_gives(
    root: Path, bucket: buckets.Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs, before = [], bucket.objects()
    for name, data in (("folder", root), ("bucket", addresses.folder("s3://hospital/data"))):
        config = settings_at(data, ready(monkeypatch, tmp_path / name))
        validate.run(config)
        shutil.rmtree(".fetched", ignore_errors=True)  # as in a clone that pulled what `validate` made
        preprocess.run(config)
        outputs.append(written(tmp_path / name))
    assert len(outputs[0]) > 20
    assert outputs[0] == outputs[1]
    assert bucket.objects() == before


@pytest.mark.reliability("one object of a bucket that may not be read", "quarantined; the run goes on")
def test_an_object_that_may_not_be_read_is_quarantined_with_its_reason(
    root: Path, bucket: buckets.Bucket, tmp_path: Path, params: Config
) -> None:
    bucket.put_folder(root, "archived")
    bucket.put("archived/train/fractured/0 50% \u00fc.png", b"in an archive", StorageClass="GLACIER")
    bucket.put("archived/train/fractured//double.png", b"with a key that no file can bear")
    place = addresses.folder("s3://hospital/archived", tmp_path)
    items, issues = listing.find(place, Limits.of(params.validation))
    facts = {item.name: scan.inspect(item) for item in items}
    lost = facts["train/fractured/0 50% \u00fc.png"]
    assert (lost.reason, len(lost.issues)) == ("unreadable", 1)
    assert "storage class" in lost.issues[0].detail
    assert str(tmp_path) not in lost.issues[0].detail
    assert [issue.path for issue in issues if issue.issue == "unreadable"] == ["train/fractured//double.png"]
    assert sorted(fact.reason for fact in facts.values() if fact.reason) == [
        "empty_file", "not_an_image", "unreadable"
    ]  # fmt: skip


@pytest.mark.reliability("a bucket without the layout", "the missing folders are named, by their address")
def test_an_address_without_the_layout_is_named(
    bucket: buckets.Bucket, tmp_path: Path, params: Config
) -> None:
    bucket.put("elsewhere/data/train/fractured/a.png", b"too deep")
    with pytest.raises(ValueError, match=r"Received: s3://hospital/elsewhere without .* instead: data\."):
        listing.find(addresses.folder("s3://hospital/elsewhere", tmp_path), Limits.of(params.validation))
