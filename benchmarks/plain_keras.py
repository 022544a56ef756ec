"""The peer of `train`: EfficientNet-Lite0 as a Keras user writes it, fitted from JPEGs.

Batch normalisation as it came, all weights trained, global average pooling, one dense layer,
``image_dataset_from_directory``, ``compile`` and ``fit``. The ImageNet weights are the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import turns
from keras import layers

from pipeline.network import efficientnet_lite, torch_weights

_VARIANT = "efficientnet-lite0"
_STEM_FILTERS, _EPSILON = 32, 1e-3
_BLOCKS = ( # repeats, kernel, stride, expansion, filters: table 1 of arXiv:1905.11946
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip


class Pause(keras.callbacks.Callback):  # type: ignore[misc]
    """Let another process have a turn after each epoch."""

    def __init__(self, turn: turns.Turns) -> None:
        super().__init__()
        self.turn = turn

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Wait for the first turn."""
        self.turn.begin()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Give the turn away, and wait for the next."""
        self.turn.pause()


def fit(
    root: Path, side_px: int, batch_size: int, epochs: int, rate: float, seed: int, turn: turns.Turns
) -> dict[str, Any]:
    """Train on ``root/train``, with ``root/val`` as validation data.

    Returns
    -------
    dict
        ``val_auroc``, one an epoch; ``radiographs``.
    """
    keras.utils.set_random_seed(seed)
    train, val = (
        keras.utils.image_dataset_from_directory(
            root / split,
            labels="inferred",
            label_mode="binary",
            class_names=["not fractured", "fractured"],
            color_mode="rgb",
            batch_size=batch_size,
            image_size=(side_px, side_px),
            pad_to_aspect_ratio=True,
            shuffle=split == "train",
            seed=seed,
            verbose=False,
        )
        for split in ("train", "val")
    )
    model = build(side_px)
    model.compile(
        keras.optimizers.AdamW(rate),
        keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.AUC(name="auroc", from_logits=True)],
    )
    found = model.fit(train, validation_data=val, epochs=epochs, callbacks=[Pause(turn)], verbose=2)
    return {"val_auroc": found.history["val_auroc"], "radiographs": len(train.file_paths)}


def build(side_px: int) -> keras.Model:
    """Build the network with its batch normalisation and ImageNet weights."""
    image = keras.Input((side_px, side_px, 3))
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(image)
    x = _convolution(x, "stem_conv", layers.Conv2D(_STEM_FILTERS, 3, 2, "same", use_bias=False))
    block = 0
    for repeats, kernel, first_stride, expansion, filters in _BLOCKS:
        for repeat in range(repeats):
            x = _block(x, f"block{block}", kernel, 1 if repeat else first_stride, expansion, filters)
            block += 1
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, layers.Dense(1)(x))
    _load_weights(model)
    return model


def _block(
    x: keras.KerasTensor, name: str, kernel: int, stride: int, expansion: int, filters: int
) -> keras.KerasTensor:
    y, n_inputs = x, x.shape[-1]
    if expansion != 1:
        y = _convolution(y, f"{name}_expand_conv", layers.Conv2D(n_inputs * expansion, 1, use_bias=False))
    depthwise = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False)
    y = _convolution(y, f"{name}_depthwise_conv", depthwise)
    y = _convolution(y, f"{name}_project_conv", layers.Conv2D(filters, 1, use_bias=False), act=False)
    return layers.Add()([x, y]) if stride == 1 and n_inputs == filters else y


def _convolution(
    x: keras.KerasTensor, name: str, convolution: keras.layers.Layer, *, act: bool = True
) -> keras.KerasTensor:
    convolution.name = name
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_norm")(convolution(x))
    return layers.ReLU(max_value=6)(x) if act else x


def _load_weights(model: keras.Model) -> None:
    tensors = torch_weights.read_state_dict(efficientnet_lite.packaged_weights(_VARIANT))
    for layer in model.layers:
        names = efficientnet_lite.torch_names(layer.name)
        if names:
            conv, norm = names
            order = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
            layer.set_weights([tensors[f"{conv}.weight"].transpose(order)])
            parts = ("weight", "bias", "running_mean", "running_var")
            model.get_layer(f"{layer.name}_norm").set_weights([tensors[f"{norm}.{part}"] for part in parts])
