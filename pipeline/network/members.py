"""Several networks as one: what they say is averaged, and what they have in common is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers


def averaged(members: Sequence[keras.Model]) -> keras.Model:
    """Lay networks onto one input, and average their logits, evidence and boxes.

    Layers that got the same input and hold the same weights in the first network and in another are there
    once: those that :func:`pipeline.network.classifier.freeze` fixed. The first network's layers keep their
    names, so its coarsest features are those of the whole.

    Parameters
    ----------
    members
        Trained networks of one architecture, each from :func:`pipeline.network.classifier.build`. One alone
        is returned as it is.

    Returns
    -------
    keras.Model
        With the outputs that each of them has.
    """
    first, *others = members
    if not others:
        return first
    given = [first.output, *(_beside(first, other, f"_member{n}") for n, other in enumerate(others, start=2))]
    outputs = {
        name: layers.Average(dtype="float32", name=f"{name}_mean")([own[name] for own in given])
        for name in first.output
    }
    return keras.Model(first.input, outputs, name=first.name)


def _beside(first: keras.Model, other: keras.Model, suffix: str) -> dict[str, keras.KerasTensor]:
    """Lay another network onto the first one's input, and return its outputs."""

    def renamed(layer: layers.Layer) -> layers.Layer:
        return type(layer).from_config({**layer.get_config(), "name": layer.name + suffix})

    def called(layer: layers.Layer, *args: Any, **kwargs: Any) -> Any:
        name = layer.name.removesuffix(suffix)
        twin, own = first.get_layer(name), other.get_layer(name)
        if _is_same(args[0], twin.input) and _hold_same(twin, own):
            return twin.output
        output = layer(*args, **kwargs)
        layer.set_weights(own.get_weights())
        return output

    laid = keras.models.clone_model(
        other, input_tensors=first.input, clone_function=renamed, call_function=called
    )
    outputs: dict[str, keras.KerasTensor] = laid.output
    return outputs


def _is_same(given: Any, known: Any) -> bool:
    """Whether two tensors, or lists of them, are the same ones."""
    pairs = zip(keras.tree.flatten(given), keras.tree.flatten(known), strict=True)
    return all(one is another for one, another in pairs)


def _hold_same(layer: layers.Layer, other: layers.Layer) -> bool:
    """Whether two layers of one place hold equal weights; the dice of dropout do not count."""
    return all(
        np.array_equal(keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(another))
        for one, another in zip(layer.weights, other.weights, strict=True)
    )
