from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.stats import spearmanr

from pipeline.network import classifier, inference
from pipeline.region_maps import randomization
from tests import records
from tests.region_maps.cells import CELLS, drawn
from tests.region_maps.reader import SHAPE, radiograph

CANVASES = [records.canvas(i, fractured=True) for i in range(2)]
MAPS = drawn(CELLS).where(np.array([True, True, False, False]))


@pytest.mark.parametrize(("power", "expected"), [(3, 1.0), (-1, -1.0)])
def test_rank_correlation_ignores_a_monotone_change(power, expected):
    region_map = np.random.default_rng(0).uniform(0.1, 1, SHAPE)
    assert randomization.rank_correlation(region_map, region_map**power) == pytest.approx(expected)


def test_rank_correlation_by_hand():
    # Squared rank differences 0, 1, 1, 0 of four: 1 - 6 * 2 / (4 * 15).
    assert randomization.rank_correlation(
        np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 3.0], [2.0, 4.0]])
    ) == pytest.approx(0.8)


def test_a_constant_map_has_no_order_to_correlate():
    assert randomization.rank_correlation(np.ones(SHAPE), radiograph().astype(float)) == 0.0


def test_maps_of_two_shapes_are_not_compared():
    with pytest.raises(ValueError, match="one shape"):
        randomization.rank_correlation(np.ones((2, 3)), np.ones((3, 2)))


def test_layers_become_random_one_after_another_from_the_top(network: keras.Model) -> None:
    before = inference.predictor(network)(np.stack(CANVASES))[1]
    _, cascade = randomization.randomize_layers(network, MAPS, CANVASES, n_samples=50, seed=0)
    weighted = [layer.name for layer in network.layers if layer.weights][::-1]
    assert cascade["layers"].iloc[[0, 1, -1]].tolist() == [0, 1, len(weighted)]
    assert cascade["layer"].tolist()[1:] == [weighted[count - 1] for count in cascade["layers"][1:]]
    assert cascade["correlation"].iloc[0] == pytest.approx(1)
    assert cascade["correlation"].between(0, 1 + 1e-9).all()
    assert np.array_equal(inference.predictor(network)(np.stack(CANVASES))[1], before)


def test_the_last_step_is_a_network_with_random_weights(network: keras.Model) -> None:
    *_, (_, name, predict) = randomization._cascade(network, seed=5)
    random = inference.predictor(classifier.with_random_weights(network, 5))
    assert name == "stem_conv"
    assert predict(np.stack(CANVASES)).evidence == pytest.approx(random(np.stack(CANVASES))[1], abs=1e-4)


def test_maps_are_compared_with_those_of_several_networks_whatever_the_sign(network: keras.Model) -> None:
    figures, _ = randomization.randomize_layers(network, MAPS, CANVASES, n_samples=50, seed=3)
    own = inference.predictor(network)(np.stack(CANVASES)).evidence
    amounts = []
    for seed in range(3, 3 + randomization._N_RANDOM):
        random = inference.predictor(classifier.with_random_weights(network, seed))(
            np.stack(CANVASES)
        ).evidence
        for position, (one, other) in enumerate(zip(own, random, strict=True)):
            inside = MAPS.inside(position, one.shape)
            amounts.append(abs(spearmanr(one[inside], other[inside]).statistic))
    assert len(set(MAPS.rows["group"])) == len(CANVASES)
    assert figures["randomization_correlation"] == pytest.approx(np.mean(amounts), abs=1e-3)


def test_without_radiographs_nothing_is_known(network: keras.Model) -> None:
    figures, cascade = randomization.randomize_layers(
        network, MAPS.where(np.zeros(2, bool)), [], n_samples=50, seed=0
    )
    assert np.isnan(figures["randomization_correlation"])
    assert len(cascade) == 0
