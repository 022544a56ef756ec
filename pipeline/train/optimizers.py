"""The parts of the network that learn at rates of their own, and the optimizer of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from pipeline.config import Train
from pipeline.network import classifier
from pipeline.network.box_head import BOX_HEAD

BACKBONE = "backbone"
_WARMUP_EPOCHS = 1.0
_FINAL_RATE = 0.02  # of the peak, at the last epoch
_BOX_RATE = 3.0  # of that of the other heads


@dataclass(frozen=True)
class Part:
    """Weights of the network that learn at one rate, and the optimizer that moves them."""

    kind: str
    optimizer: keras.optimizers.Optimizer
    weights: list[keras.Variable]


class SummedAdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW for gradients that are already summed over all replicas.

    Keras clips those of each replica first, and then sums: that is another step than one of the whole batch.
    """

    def _all_reduce_sum_gradients(self, grads_and_vars: Sequence[Any]) -> Sequence[Any]:
        return grads_and_vars


def parts(model: keras.Model, settings: Train, steps_per_epoch: int) -> list[Part]:
    """Split the network: first the heads, which start from random weights, then the backbone.

    The heads learn alone for some epochs, and faster: gradients through a random head would spoil
    a backbone that a small data set cannot mend. That for boxes learns fastest: in a few hundred steps
    it must come to exact numbers, not to a rank.

    References
    ----------
    A. Kumar et al., "Fine-tuning can distort pretrained features and underperform
    out-of-distribution", ICLR 2022, arXiv:2202.10054.
    """
    kinds = {id(weight): _kind(layer) for layer in model.layers for weight in layer.weights}
    later = max(1, settings.max_epochs - settings.head_epochs)
    rates = {
        "head": (settings.head_learning_rate, settings.max_epochs),
        "box": (_BOX_RATE * settings.head_learning_rate, settings.max_epochs),
        BACKBONE: (settings.learning_rate, later),
    }
    parts = []
    for kind, rate in rates.items():
        weights = [weight for weight in model.trainable_variables if kinds[id(weight)] == kind]
        if weights:
            parts.append(Part(kind, _optimizer(*rate, settings, steps_per_epoch), weights))
    for part in parts:
        part.optimizer.build(part.weights)
    return parts


def _kind(layer: keras.layers.Layer) -> str:
    """Name the part of the network that a layer belongs to."""
    if layer.name.startswith(BOX_HEAD):
        return "box"
    return "head" if classifier.is_head(layer) else BACKBONE


def _optimizer(rate: float, epochs: int, settings: Train, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """AdamW with a warm-up of one epoch and a cosine down to nearly nothing."""
    warmup = int(_WARMUP_EPOCHS * steps_per_epoch)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=rate / 20,
        decay_steps=max(1, epochs * steps_per_epoch - warmup),
        alpha=_FINAL_RATE,
        warmup_target=rate,
        warmup_steps=warmup,
    )
    return SummedAdamW(schedule, weight_decay=settings.weight_decay, clipnorm=1.0)
