from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.stats import spearmanr

from pipeline.network import classifier, inference
from pipeline.region_maps import faithfulness
from pipeline.region_maps.probing import FIGURES
from tests import records
from tests.region_maps.test_scoring import CELLS, drawn

SEEN = [records.canvas(i, fractured=True) for i in range(2)]
FOUND = drawn(CELLS).where(np.array([True, True, False, False]))
NOBODY = FOUND.where(np.zeros(2, bool))


def test_the_network_itself_is_asked(network: keras.Model) -> None:
    probability = faithfulness.asker(inference.predictor(network), FOUND.calibration)
    figures, curves = faithfulness.probe(
        probability, FOUND, SEEN, threshold=0.5, steps=2, n_samples=50, seed=0
    )
    assert set(figures) == {f"{name}{end}" for name in FIGURES for end in ("", "_low", "_high")}
    assert all(0 <= figures[f"{name}_auc"] <= 1 for name in ("deletion", "insertion", "random_deletion"))
    own = probability(np.stack(SEEN)).mean()
    assert curves["deletion"].iloc[0] == pytest.approx(own)


def test_layers_forget_one_after_another_from_the_top(network: keras.Model) -> None:
    before = inference.predictor(network)(np.stack(SEEN))[1]
    _, cascade = faithfulness.forget(network, FOUND, SEEN, n_samples=50, seed=0)
    weighted = [layer.name for layer in network.layers if layer.weights][::-1]
    assert cascade["layers"].iloc[[0, 1, -1]].tolist() == [0, 1, len(weighted)]
    assert cascade["layer"].tolist()[1:] == [weighted[count - 1] for count in cascade["layers"][1:]]
    assert cascade["correlation"].iloc[0] == pytest.approx(1)
    assert cascade["correlation"].between(0, 1 + 1e-9).all()
    assert np.array_equal(inference.predictor(network)(np.stack(SEEN))[1], before)


def test_the_last_step_is_a_network_with_random_weights(network: keras.Model) -> None:
    *_, (_, name, draw) = faithfulness._forgetting(network, seed=5)
    untaught = inference.predictor(classifier.with_random_weights(network, 5))
    assert name == "stem_conv"
    assert draw(np.stack(SEEN)) == pytest.approx(untaught(np.stack(SEEN))[1], abs=1e-4)


def test_maps_are_compared_with_those_of_several_networks_whatever_the_sign(network: keras.Model) -> None:
    figures, _ = faithfulness.forget(network, FOUND, SEEN, n_samples=50, seed=3)
    own = inference.predictor(network)(np.stack(SEEN)).evidence
    amounts = []
    for seed in range(3, 3 + faithfulness._UNTAUGHT):
        untaught = inference.predictor(classifier.with_random_weights(network, seed))(np.stack(SEEN)).evidence
        for position, (one, other) in enumerate(zip(own, untaught, strict=True)):
            inside = FOUND.inside(position, one.shape)
            amounts.append(abs(spearmanr(one[inside], other[inside]).statistic))
    assert len(set(FOUND.rows["group"])) == len(SEEN)
    assert figures["randomization_correlation"] == pytest.approx(np.mean(amounts), abs=1e-3)


def test_without_radiographs_nothing_is_known(network: keras.Model) -> None:
    figures, cascade = faithfulness.forget(network, NOBODY, [], n_samples=50, seed=0)
    assert np.isnan(figures["randomization_correlation"])
    assert len(cascade) == 0
