from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_expit
from sklearn.metrics import roc_auc_score

from pipeline.config import Train
from pipeline.network import classifier, depthwise, inference
from pipeline.preprocess import shards
from pipeline.train import box_loss, steps, training
from pipeline.train.training import Examples
from tests import records, watched

SEED = 7


class StoppedError(Exception):
    """Stands for a kill after an epoch's checkpoint."""


@dataclass(frozen=True)
class Trained:
    saved: Path
    model: keras.Model
    history: list[dict[str, float]]
    seen: list[int]
    own_gradients: tuple[tuple[int, ...], ...] = ()


def train(
    examples: Examples, settings: Train, saved: Path, *, stop_after: int | None = None, fresh: int = 3
) -> Trained:
    keras.utils.set_random_seed(fresh)
    model = classifier.build(settings, (records.SIDE, records.SIDE))
    seen: list[int] = []

    def on_epoch(epoch: int, row: dict[str, float]) -> None:
        seen.append(epoch)
        if epoch == stop_after:
            raise StoppedError

    return Trained(saved, model, training.fit(model, examples, settings, SEED, saved, on_epoch), seen)


@pytest.fixture(scope="module")
def unbroken(examples: Examples, settings: Train, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """One training for all tests, and the sizes of the kernels whose gradient our own function took in it."""
    saved = tmp_path_factory.mktemp("unbroken") / "training.npz"
    with pytest.MonkeyPatch.context() as patch:
        sizes = watched.kernel_gradients(patch)
        trained = train(examples, settings, saved)
    return replace(trained, own_gradients=tuple(sizes))


def same_weights(one: keras.Model, other: keras.Model) -> bool:
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


def test_large_kernels_learn_by_our_gradient(unbroken: Trained) -> None:
    assert set(unbroken.own_gradients) == {(5, 5)}


def test_a_graph_serves_batches_of_any_size(unbroken: Trained) -> None:
    kernels = [layer for layer in unbroken.model.layers if isinstance(layer, depthwise.DepthwiseConv2D)]
    ours = [
        layer
        for layer in kernels
        if layer.trainable and layer.kernel_size == (5, 5) and layer.strides == (1, 1)
    ]
    assert (
        len(unbroken.own_gradients) == len(ours) > 0
    )  # batches of six and of two make an epoch's eight draws


def test_every_epoch_is_reported(unbroken: Trained) -> None:
    assert unbroken.seen == [0, 1]
    assert [row["epoch"] for row in unbroken.history] == [0, 1]
    assert all(set(row) == {"epoch", "train_loss", "val_loss", "val_auroc"} for row in unbroken.history)
    assert np.isfinite([list(row.values()) for row in unbroken.history]).all()


def test_the_network_holds_the_weights_of_its_kept_epoch(unbroken: Trained, examples: Examples) -> None:
    best = max(unbroken.history, key=lambda row: row["val_auroc"])
    batches = shards.dataset(examples.folder, examples.val, 6)
    logits = inference.predict_all(inference.predictor(unbroken.model), batches)[0].astype(float)
    fractured = examples.val["fractured"].to_numpy(bool)
    loss = -log_expit(np.where(fractured, logits, -logits).astype(float)).mean()
    assert best["val_auroc"] == pytest.approx(roc_auc_score(fractured, expit(logits)))
    assert best["val_loss"] == pytest.approx(loss, abs=1e-5)


def test_a_training_that_was_interrupted_gives_the_same_weights(
    unbroken: Trained, examples: Examples, settings: Train, tmp_path: Path
) -> None:
    saved = tmp_path / "training.npz"
    with pytest.raises(StoppedError):
        train(examples, settings, saved, stop_after=0)
    resumed = train(examples, settings, saved, fresh=99)  # nothing of these random weights is left
    assert resumed.seen == [1]
    assert resumed.history == unbroken.history
    assert same_weights(resumed.model, unbroken.model)


@pytest.mark.reliability(35)
def test_a_corrupt_checkpoint_is_discarded_and_equal_seeds_give_equal_weights(
    unbroken: Trained,
    examples: Examples,
    settings: Train,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    saved = tmp_path / "training.npz"
    saved.write_bytes(b"half a checkpoint")
    with caplog.at_level(logging.WARNING):
        again = train(examples, settings, saved)
    assert "training starts anew" in caplog.text
    assert again.seen == [0, 1]
    assert same_weights(again.model, unbroken.model)


def test_a_finished_training_is_not_repeated(unbroken: Trained, examples: Examples, settings: Train) -> None:
    again = train(examples, settings, unbroken.saved, fresh=99)
    assert again.seen == []
    assert again.history == unbroken.history
    assert same_weights(again.model, unbroken.model)


@pytest.mark.reliability(30)
@pytest.mark.filterwarnings("ignore:invalid value encountered in logaddexp")  # infinite logits on val
@pytest.mark.reliability(30)
def test_a_loss_that_is_not_finite_stops_the_training(
    examples: Examples, settings: Train, tmp_path: Path
) -> None:
    wild = {"learning_rate": 1e30, "head_learning_rate": 1e30}
    with pytest.raises(training.DivergedError, match=r"Received: (nan|inf)\. Lower train\.learning_rate"):
        train(examples, settings.model_copy(update=wild), tmp_path / "training.npz")


@pytest.mark.reliability(30)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_named(settings: Train, value: float) -> None:
    model = classifier.build(settings, (records.SIDE, records.SIDE))
    training.require_finite(model)
    weight = model.weights[-1]
    weight.assign(np.full(weight.shape, value, np.float32))
    with pytest.raises(training.DivergedError, match=re.escape(weight.path)):
        training.require_finite(model)


def test_patience_ends_the_training(examples: Examples, settings: Train, tmp_path: Path) -> None:
    still = {"learning_rate": 1e-12, "head_learning_rate": 1e-12, "patience": 1, "max_epochs": 5}
    trained = train(examples, settings.model_copy(update=still), tmp_path / "training.npz")
    best = int(np.argmax([row["val_auroc"] for row in trained.history]))
    assert len(trained.history) == best + 1 + 1 < 5


def test_no_step_runs_as_a_rewritten_graph(
    examples: Examples, settings: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What rewriting does to a long training is seen at full size only: tests/test_floors.py."""
    found: list[bool] = []
    compile_step = steps.compiled

    def watched(*args: Any) -> steps.Step:
        step = compile_step(*args)

        def run(*batch: tf.Tensor) -> tf.Tensor:
            found.append(tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"])
            return step(*batch)

        return run

    monkeypatch.setattr(steps, "compiled", watched)
    train(examples, settings, tmp_path / "training.npz")
    assert found
    assert all(found)


@pytest.mark.parametrize("head_epochs", [0, 2])
def test_what_is_frozen_keeps_its_weights_and_the_rest_learns(
    examples: Examples, settings: Train, tmp_path: Path, head_epochs: int
) -> None:
    trained = train(
        examples, settings.model_copy(update={"head_epochs": head_epochs}), tmp_path / "training.npz"
    )
    keras.utils.set_random_seed(3)
    before = classifier.build(settings, (records.SIDE, records.SIDE))
    for old, new in zip(before.layers, trained.model.layers, strict=True):
        kept = all(map(np.array_equal, old.get_weights(), new.get_weights()))
        learns = new.trainable and (head_epochs == 0 or classifier.is_head(new))
        assert kept == (not new.weights or not learns), new.name


def test_the_last_epoch_is_kept_if_asked(examples: Examples, settings: Train, tmp_path: Path) -> None:
    moving = {"checkpoint": "last", "learning_rate": 0.1, "head_learning_rate": 0.1, "patience": 1}
    trained = train(
        examples, settings.model_copy(update=moving | {"max_epochs": 3}), tmp_path / "training.npz"
    )
    batches = shards.dataset(examples.folder, examples.val, 6)
    logits = inference.predict_all(inference.predictor(trained.model), batches)[0].astype(float)
    fractured = examples.val["fractured"].to_numpy(bool)
    assert trained.seen == [0, 1, 2]
    assert trained.history[-1]["val_loss"] == pytest.approx(
        -log_expit(np.where(fractured, logits, -logits)).mean(), abs=1e-5
    )


def test_erasing_changes_what_is_learnt(examples: Examples, settings: Train, tmp_path: Path) -> None:
    """Nothing is dropped out: else a second look would draw other dropouts, and so alone change weights."""
    still = settings.model_copy(update={"dropout": 0.0, "head_epochs": 0, "max_epochs": 1})
    plain, erasing = (
        train(examples, still.model_copy(update={"erase_loss_weight": weight}), tmp_path / f"{weight}.npz")
        for weight in (0.0, 1.0)
    )
    assert erasing.history[0]["train_loss"] > plain.history[0]["train_loss"]
    for one, other in zip(plain.model.layers, erasing.model.layers, strict=True):
        alike = all(map(np.array_equal, one.get_weights(), other.get_weights()))
        assert alike == (not other.weights or not other.trainable), other.name


def lost(model: keras.Model, examples: Examples) -> float:
    """How far the boxes of the radiographs of `train` are from the drawn ones."""
    (batch,) = shards.dataset(examples.folder, examples.train, 16, with_outlines=True)
    distances = model(tf.cast(batch[0], tf.float32), training=False)["box"]
    return float(box_loss.box_loss(batch[3], distances, (records.SIDE, records.SIDE)))


def test_a_network_with_a_head_for_boxes_learns_them(
    examples: Examples, settings: Train, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(3)
    model = classifier.build(settings, (records.SIDE, records.SIDE), with_boxes=True)
    before = lost(model, examples)
    epochs = {"max_epochs": 12, "head_epochs": 12, "patience": 12, "checkpoint": "last"}
    longer = settings.model_copy(update={**epochs, "head_learning_rate": 1e-2, "box_loss_weight": 1.0})
    training.fit(model, examples, longer, SEED, tmp_path / "training.npz")
    assert lost(model, examples) < before - 0.1


def test_boxes_are_learnt_from_drawn_fractures_alone(examples: Examples) -> None:
    drawn = examples.train[examples.train["fractures"] > 0]
    assert examples.has_boxes
    assert not replace(examples, masks=dict.fromkeys(drawn["path"], b"drawn by a network")).has_boxes
    assert not replace(examples, train=examples.train.assign(fractures=0)).has_boxes
