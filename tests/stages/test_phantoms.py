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
            "paths": settings.paths.model_copy(update={"phantoms": tmp_path / "Data" / "phantoms"}),
            "phantoms": settings.phantoms.model_copy(update=few),
            "run": settings.run.model_copy(update={"workers": 1}),
        }
    )


def test_the_stage_writes_the_users_layout(small):
    phantoms.run(small)
    for split in ("train", "val", "test"):
        for label in ("fractured", "not fractured"):
            assert len(list((small.paths.phantoms / split / label).iterdir())) == 4
    assert (small.paths.phantoms / "annotations.coco.json").is_file()


def test_a_failure_leaves_the_old_folder(small, monkeypatch):
    small.paths.phantoms.mkdir(parents=True)
    (small.paths.phantoms / "old.txt").write_text("old")

    def fail(folder, settings, *, seed, workers):
        folder.mkdir()
        raise OSError("disk full")

    monkeypatch.setattr(drawing, "write", fail)
    with pytest.raises(OSError, match="disk full"):
        phantoms.run(small)
    assert [path.name for path in small.paths.phantoms.parent.iterdir()] == ["phantoms"]
    assert (small.paths.phantoms / "old.txt").read_text() == "old"
