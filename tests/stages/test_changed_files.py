"""Radiographs that change between `validate`, which promises them, and `preprocess`, which reads them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pipeline.config import Config
from pipeline.files import images
from pipeline.preprocess import shards
from pipeline.stages import preprocess, validate
from tests.stages.test_validate import radiograph, settings_for

LOST = "train/fractured/1.png"


def unlink(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-300])


def close(path: Path) -> None:
    """Nobody may read it: permissions do not stop the superuser of a container, a folder does."""
    path.unlink()
    path.mkdir()


def replace(path: Path) -> None:
    images.write(path, radiograph(999))


@pytest.fixture(scope="module")
def validated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("validated")
    for number, split in enumerate(("train", "val", "test")):
        for part, label in enumerate(("fractured", "not fractured")):
            (root / "data" / split / label).mkdir(parents=True)
            for row in range(3):
                pixels = radiograph(100 * number + 10 * part + row)
                images.write(root / "data" / split / label / f"{row}.png", pixels)
    validate.run(settings_for(root / "data", root))
    return root


@pytest.fixture
def config(validated: Path, tmp_path: Path) -> Config:
    shutil.copytree(validated, tmp_path / "run")
    whole = settings_for(tmp_path / "run/data", tmp_path / "run")
    places = {"shards": tmp_path / "run/shards", "models": tmp_path / "run/models"}
    canvas = whole.preprocess.model_copy(update={"height_px": 64, "width_px": 64})
    paths = whole.paths.model_copy(update=places)
    return whole.model_copy(update={"paths": paths, "preprocess": canvas})


@pytest.mark.reliability(
    "a radiograph vanishes, is torn, closed or replaced between validate and preprocess",
    "preprocess names it and writes no shards",
)
@pytest.mark.parametrize("spoil", [unlink, truncate, close, replace])
def test_a_promised_radiograph_that_changed_is_named(config: Config, spoil: Callable[[Path], None]) -> None:
    for name in (LOST, "val/not fractured/2.png"):
        spoil(config.data.root / name)
    with pytest.raises(ValueError, match=r"Received: 2 that did not") as error:
        preprocess.run(config)
    assert all(name in str(error.value) for name in (LOST, "val/not fractured/2.png", "dvc repro"))
    assert not config.paths.shards.exists()


@pytest.mark.reliability(
    "a radiograph vanishes while `preprocess` draws its examples", "told, the others drawn"
)
@pytest.mark.parametrize("spoil", [unlink, truncate, close])
def test_an_example_that_is_gone_is_told(
    config: Config,
    spoil: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write = shards.write

    def then_lose(*arguments: object) -> pd.DataFrame:
        index = write(*arguments)
        spoil(config.data.root / index.loc[0, "path"])
        return index

    monkeypatch.setattr(shards, "write", then_lose)
    monkeypatch.setattr(preprocess, "_EXAMPLES", 18)
    preprocess.run(config)
    examples = config.paths.report("preprocess") / "examples"
    assert len(pd.read_csv(examples / "index.csv")) == 17
    assert len(list(examples.glob("*.jpg"))) == 34
    assert "not among the examples" in caplog.text
