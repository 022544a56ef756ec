"""Several networks as one: means of what each says, the common part once, and the same without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.config import Train
from pipeline.network import classifier, export, inference, members, runtime
from pipeline.network.interface import NetworkOutput
from tests import records

CANVASES = np.random.default_rng(1).integers(0, 256, (3, records.SIDE, records.SIDE), dtype=np.uint8)


def learnt(settings: Train, seed: int) -> keras.Model:
    """A network whose frozen layers are those of any other seed, and whose others are its own."""
    keras.utils.set_random_seed(0)
    model = classifier.build(settings, (records.SIDE, records.SIDE), with_boxes=True)
    keras.utils.set_random_seed(seed)
    for weight in model.trainable_weights:
        weight.assign(weight + keras.random.normal(weight.shape, stddev=0.1))
    return model


@pytest.fixture(scope="module")
def three(settings: Train) -> list[keras.Model]:
    return [learnt(settings, seed) for seed in (1, 2, 3)]


def answers(model: keras.Model) -> NetworkOutput:
    return inference.predictor(model)(CANVASES)


def test_logits_evidence_and_boxes_are_means(three: list[keras.Model]) -> None:
    own = [answers(model) for model in three]
    together = answers(members.averaged(three))
    assert np.ptp([each.logits for each in own], axis=0).min() > 0.001
    for name in ("logits", "evidence", "boxes"):
        mean = np.mean([getattr(each, name).astype(float) for each in own], axis=0)
        assert getattr(together, name) == pytest.approx(mean, rel=2e-3, abs=1e-5)


def test_features_and_weights_are_the_first_networks(three: list[keras.Model]) -> None:
    whole = members.averaged(three)
    assert np.array_equal(answers(whole).features, answers(three[0]).features)
    for layer in three[0].layers:
        assert all(map(np.array_equal, whole.get_layer(layer.name).get_weights(), layer.get_weights()))


def test_layers_that_kept_their_weights_are_there_once(three: list[keras.Model]) -> None:
    frozen = [layer.name for layer in three[0].layers if layer.weights and not layer.trainable]
    names = [layer.name for layer in members.averaged(three).layers]
    assert frozen
    for name in frozen:
        assert [each for each in names if each.startswith(name)].count(name) == 1
        assert f"{name}_member2" not in names
    assert {"evidence_pyramid_member2", "evidence_pyramid_member3"} <= set(names)


def test_equal_layers_behind_others_are_not_merged(settings: Train) -> None:
    """The same weights see other features where a layer before them has learnt."""
    one, other = learnt(settings, 1), learnt(settings, 2)
    other.get_layer("evidence_pyramid").set_weights(one.get_layer("evidence_pyramid").get_weights())
    whole = members.averaged([one, other])
    assert "evidence_pyramid_member2" in [layer.name for layer in whole.layers]
    mean = np.mean([answers(one).logits, answers(other).logits], axis=0)
    assert answers(whole).logits == pytest.approx(mean, abs=1e-5)


def test_one_alone_stays_as_it_is(three: list[keras.Model]) -> None:
    assert members.averaged(three[:1]) is three[0]


def test_it_is_saved_and_answers_without_tensorflow(three: list[keras.Model], tmp_path: Path) -> None:
    whole, archive, graph = members.averaged(three), tmp_path / "two.keras", tmp_path / "two.onnx"
    classifier.save(whole, archive)
    loaded = classifier.load(archive)
    assert np.array_equal(answers(loaded).logits, answers(whole).logits)
    graph.write_bytes(export.graph(loaded, archive))
    exported = runtime.load(graph, archive).predict(CANVASES)
    assert exported.logits == pytest.approx(answers(whole).logits, abs=1e-4)
    assert exported.boxes.shape == answers(whole).boxes.shape


def test_another_start_takes_the_first_network(
    three: list[keras.Model], settings: Train, tmp_path: Path
) -> None:
    classifier.save(members.averaged(three), tmp_path / "two.keras")
    again = settings.model_copy(update={"weights": str(tmp_path / "two.keras")})
    begun = classifier.build(again, (records.SIDE, records.SIDE), with_boxes=True)
    assert all(map(np.array_equal, begun.get_weights(), three[0].get_weights()))
