"""What ends a command: exit code 1, one message that names file or key, and nobody's file touched."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
import yaml

from pipeline.dataset import layout, names
from pipeline.predict import sealing
from tests.reliability import injection, made
from tests.reliability.injection import Done


@pytest.fixture
def work(models: Path, tmp_path: Path) -> Path:
    """A working folder with settings, and 36 sound radiographs beside it."""
    injection.fill(tmp_path / "data", {})
    injection.settle(tmp_path / "work", models, tmp_path / "data")
    return tmp_path / "work"


def put(work: Path, key: str, value: Any) -> None:
    path = work / "params.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    section = values
    *sections, last = key.split(".")
    for name in sections:
        section = section[name]
    section[last] = value
    path.write_text(yaml.safe_dump(values), encoding="utf-8")


def refused(work: Path, *arguments: str) -> str:
    """Run a command that must fail, and return its messages."""
    root = work.parent / "data"
    before, stood = injection.hashes(root), injection.hashes(work)
    done: Done = injection.command(work, *arguments)
    assert (done.code, done.out) == (1, "")
    assert "Traceback" not in done.log
    assert injection.hashes(root) == before
    assert injection.hashes(work) == stood, "something was written"
    return done.log


def first(work: Path, folder: str) -> Path:
    return min((work.parent / "data" / folder).iterdir())


def empty_class(work: Path) -> None:
    shutil.rmtree(work.parent / "data/val/fractured")
    (work.parent / "data/val/fractured").mkdir()


def missing_split(work: Path) -> None:
    shutil.rmtree(work.parent / "data/test")


def one_class_sound(work: Path) -> None:
    for split in layout.SPLITS:
        for path in (work.parent / "data" / split / "fractured").iterdir():
            path.write_bytes(b"no picture")


def one_group(work: Path) -> None:
    for split in layout.SPLITS:
        for path in (work.parent / "data" / split / "fractured").iterdir():
            path.write_bytes(made.png(made.radiograph(1)))


def copy_across(work: Path) -> None:
    shutil.copy(first(work, "train/fractured"), work.parent / "data/test/fractured/copy.png")
    put(work, "validate.split", "keep")


def two_labels(work: Path) -> None:
    shutil.copy(first(work, "train/fractured"), work.parent / "data/val/not fractured/copy.png")
    put(work, "validate.label_conflict", "fail")


FOLDERS = [
    pytest.param(copy_across, "copy.png", id="copy across splits", marks=pytest.mark.reliability(22)),
    pytest.param(two_labels, "copy.png", id="two labels", marks=pytest.mark.reliability(24)),
    pytest.param(empty_class, "val/fractured", id="empty class", marks=pytest.mark.reliability(25)),
    pytest.param(missing_split, "test/", id="missing split", marks=pytest.mark.reliability(25)),
    pytest.param(one_class_sound, "both classes", id="one class", marks=pytest.mark.reliability(26)),
    pytest.param(one_group, "both classes", id="one group", marks=pytest.mark.reliability(26)),
]


@pytest.mark.parametrize(("damage", "named"), FOLDERS)
def test_a_folder_that_cannot_be_split_is_refused(
    work: Path, damage: Callable[[Path], None], named: str
) -> None:
    damage(work)
    assert named in refused(work, "validate")


@pytest.mark.reliability(29)
@pytest.mark.parametrize("stage", ["validate", "preprocess", "train", "predict"])
@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("validate.splitt", "keep", "validate.splitt is no setting. Received: 'keep'"),
        ("validation", {}, "validation is no setting"),
        ("train.batch_size", "many", "train.batch_size: .*valid integer.*Received: 'many'"),
        ("data.root", "~nobody-here/xrays", "data.root: a path in full is needed"),
        ("train.dropout", 7, "train.dropout: .*less than 1.*Received: 7"),
    ],
)
def test_a_wrong_setting_is_named_by_whatever_reads_it_first(
    work: Path, stage: str, key: str, value: Any, words: str
) -> None:
    put(work, key, value)
    rest = [str(work.parent / "data")] if stage == "predict" else []
    message = refused(work, stage, *rest)
    assert all(part in message for part in words.split(".*"))


def own_bundle(work: Path, models: Path) -> Path:
    folder = work.parent / "models"
    shutil.copytree(models, folder)
    put(work, "paths.models", str(folder))
    return folder / names.CLASSIFIER


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def of_another(path: Path) -> None:
    keras.Model(image := keras.Input((64, 64, 1)), image).save(path)


def without_graph(path: Path) -> None:
    """As bundles of older code are, which TensorFlow answers."""
    (path.parent / names.GRAPH).unlink()
    sealing.seal(path.parent)


def with_code(path: Path) -> None:
    image = keras.Input((64, 64, 1))
    keras.Model(image, keras.layers.Lambda(lambda x: x * 2)(image)).save(path)
    sealing.seal(path.parent)


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weights": [1.0]}))
    sealing.seal(path.parent)


@pytest.mark.reliability(41)
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncated, "classifier.keras is missing or not the file that bundle.json names"),
        (of_another, "classifier.keras is missing or not the file that bundle.json names"),
        (with_code, "must hold one network"),
        (pickled, "must hold one network"),
        (lambda path: (without_graph(path), with_code(path)), "Lambda"),
        (lambda path: (without_graph(path), pickled(path)), "no .keras file"),
    ],
    ids=["truncated", "wrong hash", "Lambda layer", "pickle", "Lambda, by Keras", "pickle, by Keras"],
)
def test_a_model_that_is_not_the_sealed_one_or_holds_code_is_refused(
    work: Path, models: Path, damage: Callable[[Path], object], reason: str
) -> None:
    damage(own_bundle(work, models))
    assert reason in refused(work, "predict", str(work.parent / "data"), "--json")


@pytest.mark.reliability(43)
def test_a_gpu_that_is_not_there_is_refused_with_advice_by_predict(work: Path, models: Path) -> None:
    if keras.distribution.list_devices("gpu"):
        pytest.skip("a GPU is here")
    without_graph(own_bundle(work, models))
    put(work, "run.device", "gpu")
    assert "set run.device to auto or cpu" in refused(work, "predict", str(work.parent / "data"))
