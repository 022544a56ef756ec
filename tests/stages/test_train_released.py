"""A training that starts from a released model, on the stage."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from pipeline.config import Config
from pipeline.dataset import names, released
from pipeline.files import outputs
from pipeline.network import classifier, half_precision
from pipeline.stages import train
from pipeline.train import checkpoint, start, training
from tests import releases
from tests.networks import _narrow_backbone, _repeatable, examples, network, network_file, settings
from tests.stages.test_train import config

__all__ = ["_narrow_backbone", "_repeatable", "config", "examples", "network", "network_file", "settings"]


class StoppedError(Exception):
    """Stands for a kill."""


@pytest.fixture
def begun(
    config: Config,
    network_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Config:
    """Settings that start from a release with its kernels in 16 bits; `validate` has asked it."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(released, "SHIPPED", ())
    half_precision.halve(network_file, tmp_path / "halved.keras")
    release(config, tmp_path / "halved.keras")
    chosen = {"weights": "released", "learning_rate": 1e-9, "head_learning_rate": 1e-9, "weight_decay": 0.0}
    return config.model_copy(update={"train": config.train.model_copy(update=chosen)})


def release(config: Config, network: Path) -> str:
    sha256 = releases.make(config.paths.models / "released/one", network=network)
    told = {released.LEARNT_BY_RELEASE: {"sha256": sha256}}
    outputs.write_json(config.paths.report("validate") / names.METRICS, told)
    return sha256


def apart(model: keras.Model, other: keras.Model) -> dict[str, float]:
    """By layer of both, how far the weights lie apart."""
    theirs = {layer.name: layer.get_weights() for layer in other.layers}
    return {
        layer.name: max(map(_apart, layer.get_weights(), theirs[layer.name]))
        for layer in model.layers
        if layer.weights and layer.name in theirs
    }


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max()) if one.shape == other.shape else np.inf


def test_backbone_pyramid_and_evidence_are_those_of_the_release(begun: Config, network: keras.Model) -> None:
    train.run(begun)
    trained = classifier.load(begun.paths.classifier)
    moved = apart(trained, network)
    assert {"evidence8", "pyramid8_smooth"} < set(moved)
    assert max(moved.values()) < 1e-3  # 16 bits, and steps of nearly nothing
    random = classifier.build(begun.train.model_copy(update={"weights": "random"}), (64, 64))
    assert apart(trained, random)["pyramid8_smooth"] > 0.1
    figures = json.loads((begun.paths.report("train") / names.METRICS).read_text())
    assert figures["release"] == "one"


def test_a_pyramid_of_another_width_starts_at_random_and_is_named(
    begun: Config, network: keras.Model, caplog: pytest.LogCaptureFixture
) -> None:
    changed = begun.train.model_copy(update={"pyramid_channels": 16})
    train.run(begun.model_copy(update={"train": changed}))
    trained = classifier.load(begun.paths.classifier)
    moved = apart(trained, network)
    others = [far for name, far in moved.items() if not name.startswith(("pyramid", "evidence_pyramid"))]
    assert max(others) < 1e-3
    assert moved["pyramid16_lateral"] == np.inf
    assert "holds no weights for pyramid32_lateral" in caplog.text


@pytest.mark.parametrize("source", ["maps", "both"])
def test_the_first_network_of_self_training_starts_from_it_too(
    begun: Config, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    started = []

    def watch(model: keras.Model, *_: object, **__: object) -> None:
        started.append(model.get_layer("pyramid8_smooth").get_weights()[0].copy())
        raise StoppedError

    monkeypatch.setattr(training, "fit", watch)
    changed = begun.train.model_copy(update={"mask_source": source})
    with pytest.raises(StoppedError):
        train.run(begun.model_copy(update={"train": changed}))
    released_one = classifier.load(begun.paths.models / "released/one" / names.CLASSIFIER)
    assert np.array_equal(started[0], released_one.get_layer("pyramid8_smooth").get_weights()[0])


def kill_after_an_epoch(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    save = checkpoint.try_to_save

    def killed(*given: Any) -> None:
        save(*given)
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "try_to_save", killed)
        with pytest.raises(StoppedError):
            train.run(config)


@pytest.mark.reliability(
    "a training is killed, and the release that it started from changes", "it starts anew"
)
def test_a_checkpoint_of_another_release_is_not_resumed(
    begun: Config, network_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kill_after_an_epoch(begun, monkeypatch)
    release(begun, network_file)
    train.run(begun)
    assert "Resumed" not in caplog.text
    assert not (Path(".checkpoints") / "recipe").exists()


def test_a_training_goes_on_while_the_release_stays(
    begun: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kill_after_an_epoch(begun, monkeypatch)
    train.run(begun)
    assert "Resumed after epoch 1" in caplog.text


@pytest.mark.reliability("the network of the release was changed since it was sealed", "refused")
def test_a_network_that_was_changed_is_refused(begun: Config) -> None:
    file = begun.paths.models / "released/one" / names.CLASSIFIER
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(released.ReleaseError, match=r"classifier\.keras must be the file that"):
        train.run(begun)


def test_layers_that_have_learnt_take_smaller_steps(config: Config) -> None:
    chosen = {"head_epochs": 3, "learning_rate": 1e-4, "head_learning_rate": 1e-3}
    steps = start.smaller_steps(config.train.model_copy(update=chosen))
    assert (steps.head_epochs, steps.head_learning_rate) == (0, 1e-4)
    assert steps.learning_rate == pytest.approx(3e-5)
    assert steps.max_epochs == config.train.max_epochs
