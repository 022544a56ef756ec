from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.config import Train
from pipeline.network import backbones, classifier, inference


@pytest.mark.parametrize("name", ["efficientnet-lite9", "preprocess_input", "load_model", ""])
def test_an_unknown_backbone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"train.backbone must be one of .*Received: '{name}'"):
        backbones.features(name, keras.Input((64, 64, 1)))


@pytest.mark.parametrize(
    ("name", "weights", "advice"),
    [
        ("narrow", "imagenet", "Set it to package, random or a file"),
        ("MobileNetV2", "package", "Set it to imagenet, random or a file"),
    ],
)
def test_weights_that_do_not_exist_are_refused(
    network: keras.Model, name: str, weights: str, advice: str
) -> None:
    with pytest.raises(ValueError, match=advice):
        backbones.load_weights(network, name, weights)


def test_a_missing_file_of_weights_is_named(network: keras.Model) -> None:
    with pytest.raises(FileNotFoundError, match=r"train\.weights: no such file\. Received: none\.keras"):
        backbones.load_weights(network, "narrow", "none.keras")


@pytest.mark.parametrize(
    ("name", "file"), [("MobileNetV2", "w.pth"), ("narrow", "w.bin"), ("narrow", "w.h5")]
)
def test_a_file_of_another_kind_is_refused(
    network: keras.Model, tmp_path: Path, name: str, file: str
) -> None:
    (tmp_path / file).write_bytes(b"weights")
    with pytest.raises(ValueError, match=rf"{file} for {name}"):
        backbones.load_weights(network, name, str(tmp_path / file))


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_weights_of_a_file_are_taken(
    network: keras.Model, settings: Train, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"own{suffix}"
    if suffix == ".keras":
        network.save(path)
    else:
        network.save_weights(path)
    taken = classifier.build(settings.model_copy(update={"weights": str(path)}), (64, 64))
    for own, other in zip(network.get_weights(), taken.get_weights(), strict=True):
        assert np.array_equal(own, other)


def test_a_file_of_another_network_is_refused(network: keras.Model, tmp_path: Path) -> None:
    image = keras.Input((8, 8, 1))
    keras.Model(image, keras.layers.Conv2D(2, 3)(image), name="another").save(tmp_path / "another.keras")
    with pytest.raises(ValueError, match="no layer of another fits the network"):
        backbones.load_weights(network, "narrow", str(tmp_path / "another.keras"))


def test_a_keras_application_is_built_flat_and_frozen_where_it_counts(
    settings: Train, tmp_path: Path
) -> None:
    model = classifier.build(settings.model_copy(update={"backbone": "MobileNetV2"}), (64, 64))
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms
    assert not any(layer.trainable for layer in norms)  # few radiographs would spoil the statistics
    classifier.save(model, tmp_path / "model.keras")
    canvases = np.random.default_rng(0).integers(0, 256, (1, 64, 64), dtype=np.uint8)
    before, after = (
        inference.predictor(m)(canvases) for m in (model, classifier.load(tmp_path / "model.keras"))
    )
    assert before[1].shape == (1, 8, 8)
    assert np.array_equal(before[0], after[0])
