from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.network import inference
from pipeline.region_maps import attributions
from tests import records


def canvases() -> np.ndarray:
    return np.stack([records.canvas(i, fractured=True) for i in range(2)])


@pytest.mark.parametrize(("name", "side"), [("grad_cam_plus_plus", 2), ("integrated_gradients", 8)])
def test_maps_lie_on_a_grid_and_in_0_to_1(network: keras.Model, name: str, side: int) -> None:
    maps = attributions.METHODS[name](network)(canvases())
    assert maps.shape == (2, side, side)
    assert maps.min() >= 0
    highest = maps.max(axis=(1, 2))
    assert np.isclose(highest, 1)[highest > 0].all()  # a map without evidence for a fracture stays empty
    assert highest.max() > 0


def test_integrated_gradients_of_a_sum_are_its_terms() -> None:
    image = keras.Input((64, 64, 1))
    logit = layers.Flatten()(layers.GlobalAveragePooling2D(keepdims=True)(image))
    pixels = canvases()
    maps = attributions.integrated_gradients(keras.Model(image, {"logit": logit}), steps=3)(pixels)
    cells = pixels.reshape(2, 8, 8, 8, 8).mean(axis=(2, 4))
    assert maps == pytest.approx(cells / cells.max(axis=(1, 2), keepdims=True), rel=1e-4)


def test_grad_cam_plus_plus_by_hand(network: keras.Model) -> None:
    image = keras.Input((64, 64, 1))
    features = layers.AveragePooling2D(32)(image)
    lateral = layers.Conv2D(1, 1, name=attributions.LAST_FEATURES, kernel_initializer="ones")(features)
    logit = layers.Flatten()(layers.GlobalAveragePooling2D(keepdims=True)(lateral))
    pixels = canvases()
    maps = attributions.grad_cam_plus_plus(keras.Model(image, {"logit": logit}))(pixels)
    cells = pixels.reshape(2, 2, 32, 2, 32).mean(axis=(2, 4))
    assert maps == pytest.approx(cells / cells.max(axis=(1, 2), keepdims=True), rel=1e-4)


def test_asking_leaves_the_network_as_it_is(network: keras.Model) -> None:
    before = inference.predictor(network)(canvases())
    for method in attributions.METHODS.values():
        method(network)(canvases())
    assert np.array_equal(before[1], inference.predictor(network)(canvases())[1])
