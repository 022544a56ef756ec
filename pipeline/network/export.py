"""The graph of a classifier in ONNX, for :mod:`pipeline.network.runtime`; its weights stay where they are.

Weights are inputs of the graph. Beside it stands where in the ``.keras`` archive each lies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import onnx
import tensorflow as tf
from numpy.typing import NDArray
from tf2onnx import tf_loader, tfonnx

from pipeline.network import inference, runtime, weights
from pipeline.network.body_part_head import part_names

_OPSET = 18


def graph(model: keras.Model, archive: Path) -> bytes:
    """Write a classifier's graph; equal bytes for equal networks.

    Parameters
    ----------
    model
        As loaded from the archive.
    archive
        The ``.keras`` file with its weights.

    Raises
    ------
    ValueError
        The archive is of another network.
    """
    rescale, whole = _rescaled_apart(inference.with_features(model))
    n, variables = len(whole.trainable_variables), whole.trainable_variables + whole.non_trainable_variables
    floats = [each for each in variables if each.dtype == "float32"]
    states = {each.path: each.numpy() for each in variables if each.dtype != "float32"}  # of dropout's dice

    def forward(canvases: tf.Tensor, *given: tf.Tensor) -> dict[str, tf.Tensor]:
        floating = iter(given)
        values = [states[each.path] if each.path in states else next(floating) for each in variables]
        image = inference.as_image(rescale(tf.cast(canvases, tf.float32)))
        outputs, _ = whole.stateless_call(values[:n], values[n:], image, training=False)
        return inference.named(outputs)

    canvases = tf.TensorSpec((None, *model.input_shape[1:3]), tf.uint8, name=runtime.CANVASES)
    specs = [tf.TensorSpec(each.shape, tf.float32, name=f"w{i}") for i, each in enumerate(floats)]
    traced = tf.function(forward, autograph=False).get_concrete_function(canvases, *specs)
    written = _converted(traced)
    _sort(written.graph)
    used = {name for node in written.graph.node for name in node.input}
    places = {f"w{i}": path for i, path in enumerate(_places(floats, archive)) if f"w{i}" in used}
    told = {runtime.PLACES: json.dumps(places), runtime.PARTS: json.dumps(part_names(model))}
    onnx.helper.set_model_props(written, told)
    return bytes(written.SerializeToString(deterministic=True))


def _rescaled_apart(model: keras.Model) -> tuple[Callable[[tf.Tensor], tf.Tensor], keras.Model]:
    """Take the rescaling of the canvas, if the network begins with one, out of it.

    The runtime scales (B, H, W) ten times as fast as (B, H, W, 1), whose last axis it walks one by one.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.Rescaling) and layer.input is model.input:
            return layer, keras.Model(layer.output, model.output)
    return (lambda canvases: canvases), model


def _converted(traced: tf.types.experimental.ConcreteFunction) -> onnx.ModelProto:
    """Convert a function operation by operation, and no more.

    The converter's own simplification ends now and then in another graph, as hashes of names fall. The
    runtime simplifies what it loads, and is as fast without it.
    """
    names = {each.name: each.name.partition(":")[0] for each in traced.inputs}
    names |= {each.name: name for name, each in traced.structured_outputs.items()}
    sides = [[each.name for each in own] for own in (traced.inputs, traced.outputs)]
    frozen = tf_loader.from_function(traced, *sides)
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(frozen, name="")
        converted = tfonnx.process_tf_graph(
            imported, opset=_OPSET, input_names=sides[0], output_names=sides[1], tensors_to_rename=names
        )
    model: onnx.ModelProto = converted.make_model("")
    return model


def _places(variables: list[keras.Variable], archive: Path) -> Iterator[str]:
    """Find each variable in the archive by what it holds; Keras names them otherwise there."""
    paths = {_key(values): path for path, values in weights.widened(archive).items()}
    for each in variables:
        try:
            yield paths[_key(each.numpy())]
        except KeyError:
            raise ValueError(f"{archive} must hold {each.path}. Received: another network.") from None


def _key(values: NDArray[np.float32]) -> tuple[tuple[int, ...], bytes]:
    return values.shape, values.tobytes()


def _sort(content: onnx.GraphProto) -> None:
    """Order and name nodes and values by their way to the outputs: the converter's order is by chance."""
    maker = {name: node for node in content.node for name in node.output}
    constant = {each.name: each for each in content.initializer}
    kept = {each.name for each in (*content.input, *content.output)} | {""}
    content.output.sort(key=lambda each: each.name)
    for each in (*content.input, *content.output):
        for side in each.type.tensor_type.shape.dim:
            if side.dim_param:
                side.dim_param = "n"
    nodes, names = list[onnx.NodeProto](), dict[str, str]()

    def visit(name: str) -> None:
        if name in names:
            return
        if (node := maker.get(name)) is not None:
            for each in node.input:
                visit(each)
            nodes.append(node)
        for each in [name] if node is None else node.output:
            names[each] = each if each in kept else f"v{len(names)}"

    for output in content.output:
        visit(output.name)
    constants = [constant[name] for name in names if name in constant]
    for place, node in enumerate(nodes):
        node.name = f"n{place}"
        node.input[:], node.output[:] = ([names[each] for each in own] for own in (node.input, node.output))
    for each in constants:
        each.name = names[each.name]
    copies = [[type(each).FromString(each.SerializeToString()) for each in own] for own in (nodes, constants)]
    content.ClearField("doc_string")
    del content.node[:], content.initializer[:], content.value_info[:]
    content.node.extend(copies[0])
    content.initializer.extend(copies[1])
