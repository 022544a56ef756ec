from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.config import Config, Train
from pipeline.network import classifier, inference
from pipeline.train import precision, training
from pipeline.train.training import Examples
from tests import records


def test_half_precision_is_for_gpus_unless_it_is_asked_for(params: Config) -> None:
    gpus = tf.config.list_physical_devices("GPU")
    assert precision.policy(params) == ("mixed_float16" if gpus else "float32")
    on_cpu = params.model_copy(update={"run": params.run.model_copy(update={"device": "cpu"})})
    assert precision.policy(on_cpu) == "float32"
    asked = params.train.model_copy(update={"precision": "mixed_float16"})
    assert precision.policy(params.model_copy(update={"train": asked})) == "mixed_float16"


def test_the_precision_in_force_ends_with_its_block() -> None:
    with precision.in_force("mixed_float16"):
        assert keras.config.dtype_policy().name == "mixed_float16"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("pooling", ["lse", "attention"])
def test_a_network_that_learns_in_half_precision_is_saved_in_float32(
    examples: Examples, settings: Train, tmp_path: Path, pooling: str
) -> None:
    asked = settings.model_copy(update={"pooling": pooling, "max_epochs": 1, "head_epochs": 0})
    with precision.in_force("mixed_float16"):
        model = classifier.build(asked, (records.SIDE, records.SIDE))
        before = model.get_weights()
        history = training.fit(model, examples, asked, 7, tmp_path / "training.npz")
    assert model.get_layer("stem_conv").compute_dtype == "float16"
    assert {output.dtype for output in model.output.values()} == {"float32"}
    assert np.isfinite(history[0]["train_loss"])
    assert not all(map(np.array_equal, before, model.get_weights()))

    whole = precision.in_float32(model)
    classifier.save(whole, tmp_path / "classifier.keras")
    loaded = classifier.load(tmp_path / "classifier.keras")
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))
    canvases = np.random.default_rng(0).integers(0, 256, (2, records.SIDE, records.SIDE), np.uint8)
    half, exact = (inference.predictor(each)(canvases) for each in (model, loaded))
    assert np.allclose(half.logits, exact.logits, atol=0.05)


def test_a_network_in_float32_stays_as_it_is(settings: Train) -> None:
    model = classifier.build(settings, (records.SIDE, records.SIDE))
    assert precision.in_float32(model) is model
    assert precision.loss_scale(model) == 1
