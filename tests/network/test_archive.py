from __future__ import annotations

import json
import zipfile
from pathlib import Path

import keras
import pytest

from pipeline.network import archive, classifier


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    image = keras.Input((4, 4, 1))
    shared = keras.initializers.Constant(0.5)
    first = keras.layers.Conv2D(2, 1, kernel_initializer=shared)(image)
    model = keras.Model(image, keras.layers.Conv2D(2, 1, kernel_initializer=shared)(first))
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_what_changes_from_save_to_save_is_left_out(saved: Path) -> None:
    archive.make_repeatable(saved)
    with zipfile.ZipFile(saved) as file:
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert file.namelist() == ["config.json", "metadata.json", "model.weights.h5"]
        assert set(json.loads(file.read("metadata.json"))) == {"keras_version"}
        assert b"shared_object_id" not in file.read("config.json")


def test_the_weights_are_untouched(saved: Path) -> None:
    before = zipfile.ZipFile(saved).read("model.weights.h5")
    archive.make_repeatable(saved)
    assert zipfile.ZipFile(saved).read("model.weights.h5") == before
    assert keras.saving.load_model(saved).count_params() == 4 + 6


def test_a_second_pass_changes_nothing(saved: Path) -> None:
    archive.make_repeatable(saved)
    once = saved.read_bytes()
    archive.make_repeatable(saved)
    assert saved.read_bytes() == once


def test_every_layer_of_ours_keeps_the_module_that_archives_name() -> None:
    assert classifier.build  # its module registers the layers
    ours = {name for name in keras.saving.get_custom_objects() if name.startswith("fracture>")}
    assert ours == set(archive._MODULES)


def test_moved_code_leaves_an_archive_its_bytes(tmp_path: Path, network: keras.Model) -> None:
    classifier.save(network, tmp_path / "network.keras")
    config = zipfile.ZipFile(tmp_path / "network.keras").read("config.json").decode()
    assert '"module": "pipeline.model.depthwise"' in config
    assert "pipeline.network" not in config
