"""Our depthwise convolution against the library's: outcome, gradients, saving."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.network import depthwise, device
from tests import watched

SHAPE = (12, 9, 8)


@pytest.fixture
def own_gradients(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Sizes of the kernels whose gradient our own function takes."""
    return watched.kernel_gradients(monkeypatch)


def networks(**settings: Any) -> tuple[keras.Model, keras.Model]:
    """One layer of ours and one of Keras' with equal weights."""
    found = []
    for layer in (depthwise.DepthwiseConv2D, keras.layers.DepthwiseConv2D):
        inputs = keras.Input(SHAPE)
        options = {"padding": "same", "activation": "relu6", **settings}
        found.append(keras.Model(inputs, layer(**options)(inputs)))
    random = np.random.default_rng(7)
    weights = [random.normal(size=weight.shape) for weight in found[0].weights]
    for network in found:
        network.set_weights(weights)
    return found[0], found[1]


def learnt(network: keras.Model, examples: int) -> list[np.ndarray]:
    """Outcome and gradients for inputs, kernel and bias, in a graph for batches of any size."""

    @tf.function(input_signature=[tf.TensorSpec((None, *SHAPE))])
    def taken(inputs: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outcome = network(inputs, training=True)
            loss = tf.reduce_sum(tf.sin(outcome * 3))
        towards = [inputs, *(weight.value for weight in network.trainable_weights)]
        return [outcome, *tape.gradient(loss, towards)]

    inputs = np.random.default_rng(examples).normal(size=(examples, *SHAPE)).astype(np.float32)
    return [each.numpy() for each in taken(tf.constant(inputs))]


@pytest.mark.parametrize(
    ("settings", "is_own"),
    [
        ({"kernel_size": 5}, True),
        ({"kernel_size": 7}, True),
        ({"kernel_size": (5, 7)}, True),
        ({"kernel_size": 5, "use_bias": False}, True),
        ({"kernel_size": 6}, True),
        ({"kernel_size": 3}, False),
        ({"kernel_size": 5, "padding": "valid"}, False),
        ({"kernel_size": 5, "dilation_rate": 2}, False),
        ({"kernel_size": 5, "strides": 2}, False),
        ({"kernel_size": 5, "depth_multiplier": 2}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("examples", [1, 5])
def test_learns_what_the_library_does(
    settings: dict[str, Any], is_own: bool, examples: int, own_gradients: list[tuple[int, ...]]
) -> None:
    ours, theirs = networks(**settings)
    for found, expected in zip(learnt(ours, examples), learnt(theirs, examples), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert bool(own_gradients) == is_own


def test_repeats_to_the_last_bit() -> None:
    ours, _ = networks(kernel_size=5)
    for first, second in zip(learnt(ours, 6), learnt(ours, 6), strict=True):
        np.testing.assert_array_equal(first, second)


def test_answers_are_those_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = networks(kernel_size=5)
    monkeypatch.delattr(depthwise, "_convolve")
    inputs = np.random.default_rng(1).normal(size=(3, *SHAPE))
    np.testing.assert_array_equal(ours(inputs), theirs(inputs))


def test_a_gpu_has_its_own_way(monkeypatch: pytest.MonkeyPatch, own_gradients: list[tuple[int, ...]]) -> None:
    monkeypatch.setattr(device, "has_gpu", lambda: True)
    learnt(networks(kernel_size=5)[0], 2)
    assert not own_gradients


def test_is_saved_and_loaded(tmp_path: Path) -> None:
    ours, _ = networks(kernel_size=5)
    ours.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras", safe_mode=True)
    assert isinstance(loaded.layers[-1], depthwise.DepthwiseConv2D)
    inputs = np.random.default_rng(1).normal(size=(3, *SHAPE))
    np.testing.assert_array_equal(loaded(inputs), ours(inputs))
