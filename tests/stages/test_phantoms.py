from pathlib import Path

import pytest

from pipeline import config
from pipeline import phantoms as drawing
from pipeline.stages import phantoms

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def small(tmp_path):
    settings = config.read(PARAMS)
    few = {"train": 8, "val": 8, "test": 8, "min_side_px": 128, "max_side_px": 140, "fault_share": 0.0}
    return settings.model_copy(
        update={
            "paths": settings.paths.model_copy(update={"phantoms": tmp_path / ".phantoms"}),
            "phantoms": settings.phantoms.model_copy(update=few),
            "run": settings.run.model_copy(update={"workers": 1}),
        }
    )


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_stage_writes_the_users_layout(small):
    phantoms.run(small)
    for split in ("train", "val", "test"):
        for label in ("fractured", "not fractured"):
            assert len(list((small.paths.phantoms / split / label).iterdir())) == 4
    assert (small.paths.phantoms / "annotations.coco.json").is_file()


def test_a_failure_leaves_the_old_folder(small, monkeypatch):
    phantoms.run(small)
    before = contents(small.paths.phantoms)

    def fail(folder, settings, *, seed, workers):
        folder.mkdir()
        raise OSError("disk full")

    monkeypatch.setattr(drawing, "write", fail)
    with pytest.raises(OSError, match="disk full"):
        phantoms.run(small)
    assert [path.name for path in small.paths.phantoms.parent.iterdir()] == [".phantoms"]
    assert contents(small.paths.phantoms) == before


def test_phantoms_take_the_place_of_phantoms(small):
    phantoms.run(small)
    before = contents(small.paths.phantoms)
    phantoms.run(small.model_copy(update={"run": small.run.model_copy(update={"seed": 8})}))
    assert contents(small.paths.phantoms) != before


def test_a_users_files_are_refused_before_anything_is_drawn(small, monkeypatch):
    mine = small.paths.phantoms / "train" / "fractured" / "mine.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    monkeypatch.setattr(drawing, "write", None)
    with pytest.raises(
        ValueError, match=r"Received: files put or changed there \(1\): train/fractured/mine\.jpg\."
    ):
        phantoms.run(small)
    assert contents(small.paths.phantoms.parent) == {mine: b"mine"}


def test_files_put_there_while_phantoms_are_drawn_are_kept(small, monkeypatch):
    mine = small.paths.phantoms / "mine.jpg"

    def meanwhile(folder, settings, *, seed, workers):
        for path in (folder / "drawn.jpg", mine):
            path.parent.mkdir()
            path.write_bytes(b"mine")

    monkeypatch.setattr(drawing, "write", meanwhile)
    with pytest.raises(ValueError, match=r"Received: files put or changed there \(1\): mine\.jpg\."):
        phantoms.run(small)
    assert contents(small.paths.phantoms.parent) == {mine: b"mine"}
