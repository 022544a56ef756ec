from __future__ import annotations

import pickle
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.config import Train
from pipeline.network import classifier, inference

CANVASES = np.random.default_rng(1).integers(0, 256, (3, 64, 64), dtype=np.uint8)


def test_it_gives_a_logit_and_a_map_of_evidence(network: keras.Model) -> None:
    logits, evidence, *_ = inference.predictor(network)(CANVASES)
    assert (logits.shape, evidence.shape) == ((3,), (3, 8, 8))
    assert logits.dtype == evidence.dtype == np.float32
    assert network.name == "fracture_classifier"


def test_the_logit_is_pooled_from_the_evidence(network: keras.Model, settings: Train) -> None:
    logits, evidence, *_ = inference.predictor(network)(CANVASES)
    r = settings.lse_sharpness
    expected = np.log(np.exp(r * evidence.astype(float)).mean(axis=(1, 2))) / r
    assert logits == pytest.approx(expected, abs=1e-5)


def test_the_network_is_flat(network: keras.Model) -> None:
    assert not [layer for layer in network.layers if isinstance(layer, keras.Model)]


@pytest.mark.parametrize("pooling", ["attention", "mean"])
def test_other_poolings_give_one_logit_too(settings: Train, tmp_path: Path, pooling: str) -> None:
    model = classifier.build(settings.model_copy(update={"pooling": pooling}), (64, 96))
    classifier.save(model, tmp_path / "model.keras")
    loaded = classifier.load(tmp_path / "model.keras")
    canvases = np.zeros((2, 64, 96), np.uint8)
    logits, evidence, *_ = inference.predictor(loaded)(canvases)
    assert (logits.shape, evidence.shape) == ((2,), (2, 8, 12))
    assert np.array_equal(logits, inference.predictor(model)(canvases)[0])


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_first_share_of_the_backbone_is_frozen(settings: Train, share: float) -> None:
    model = classifier.build(settings.model_copy(update={"frozen_fraction": share}), (64, 64))
    backbone = [layer for layer in model.layers if layer.weights and not classifier.is_head(layer)]
    head = [layer for layer in model.layers if layer.weights and classifier.is_head(layer)]
    n_frozen = round(share * len(backbone))
    assert [layer.trainable for layer in backbone] == [False] * n_frozen + [True] * (len(backbone) - n_frozen)
    assert all(layer.trainable for layer in head)


def test_two_saves_are_the_same_bytes(network: keras.Model, network_file: Path, tmp_path: Path) -> None:
    classifier.save(network, tmp_path / "again.keras")
    assert (tmp_path / "again.keras").read_bytes() == network_file.read_bytes()


def test_a_reloaded_network_saves_the_same_bytes(network_file: Path, tmp_path: Path) -> None:
    classifier.save(classifier.load(network_file), tmp_path / "again.keras")
    assert (tmp_path / "again.keras").read_bytes() == network_file.read_bytes()


def test_a_loaded_network_says_the_same(network: keras.Model, network_file: Path) -> None:
    before = inference.predictor(network)(CANVASES)
    after = inference.predictor(classifier.load(network_file))(CANVASES)
    assert np.array_equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.999])
@pytest.mark.reliability(41)
def test_a_file_cut_short_is_refused(network_file: Path, tmp_path: Path, share: float) -> None:
    whole = network_file.read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"cut\.keras is missing, cut short or no \.keras file"):
        classifier.load(tmp_path / "cut.keras")


def test_a_network_of_other_canvases_is_refused(network: keras.Model, network_file: Path) -> None:
    height_px, width_px = network.input_shape[1:3]
    assert classifier.load(network_file, (height_px, width_px)).name == network.name
    with pytest.raises(ValueError, match=r"must see canvases of \(32, 96\).*width_px.*Run `dvc repro`"):
        classifier.load(network_file, (32, 96))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.keras is missing"):
        classifier.load(tmp_path / "none.keras")


@pytest.mark.reliability(41)
def test_damaged_weights_are_refused(network_file: Path, tmp_path: Path) -> None:
    damaged = bytearray(network_file.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    (tmp_path / "damaged.keras").write_bytes(damaged)
    with pytest.raises(ValueError, match="can be loaded safely"):
        classifier.load(tmp_path / "damaged.keras")


@pytest.mark.reliability(41)
def test_a_lambda_layer_is_refused(tmp_path: Path) -> None:
    image = keras.Input((64, 64, 1))
    keras.Model(image, keras.layers.Lambda(lambda x: x * 2)(image)).save(tmp_path / "lambda.keras")
    with pytest.raises(ValueError, match=r"can be loaded safely: .*Lambda"):
        classifier.load(tmp_path / "lambda.keras")


@pytest.mark.reliability(41)
def test_a_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(pickle.dumps({"weights": [1.0]}))
    with pytest.raises(ValueError, match=r"no \.keras file"):
        classifier.load(tmp_path / "model.keras")


def test_random_weights_leave_the_network_alone(network: keras.Model) -> None:
    before = [weight.copy() for weight in network.get_weights()]
    first, again, other = (classifier.with_random_weights(network, seed) for seed in (1, 1, 2))
    evidence = [inference.predictor(model)(CANVASES)[1] for model in (network, first, again, other)]
    assert all(np.array_equal(*pair) for pair in zip(before, network.get_weights(), strict=True))
    assert np.array_equal(evidence[1], evidence[2])
    assert not np.array_equal(evidence[0], evidence[1])
    assert not np.array_equal(evidence[1], evidence[3])


def test_a_head_for_boxes_changes_nothing_else(settings: Train, tmp_path: Path) -> None:
    models = []
    for with_boxes in (False, True):
        keras.utils.set_random_seed(3)
        models.append(classifier.build(settings, (64, 96), with_boxes=with_boxes))
    classifier.save(models[1], tmp_path / "model.keras")
    canvases = np.random.default_rng(1).integers(0, 256, (2, 64, 96), np.uint8)
    without, with_boxes = (inference.predictor(model)(canvases) for model in models)
    assert np.array_equal(without.evidence, with_boxes.evidence)
    assert (without.boxes.size, with_boxes.boxes.shape) == (0, (2, 8, 12, 4))
    assert with_boxes.boxes.min() > 0
    loaded = inference.predictor(classifier.load(tmp_path / "model.keras"))(canvases)
    assert np.array_equal(loaded.boxes, with_boxes.boxes)
