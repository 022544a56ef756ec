"""A network without TensorFlow: its graph in ONNX, with the weights of its ``.keras`` file, in ONNX Runtime.

The graph holds no weights: it names where in the archive each lies (:mod:`pipeline.network.export`). So a
bundle holds them once, and what answers cannot differ from what was trained.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper

from pipeline.network import weights
from pipeline.network.interface import NetworkOutput, Portable, Predict, concatenate

CANVASES = "canvases"  # the graph's one input, but for its weights
PLACES, PARTS = "weights", "parts"  # what its metadata say, in JSON: paths in the archive, parts of the body
_ERRORS_ALONE = 3


class Network(NamedTuple):
    """A network that is ready, and the names of the parts of the body that it distinguishes."""

    predict: Predict
    parts: tuple[str, ...]


def load(graph: Path, archive: Path, threads: int = 0) -> Network:
    """Load a network from its graph and its ``.keras`` archive.

    Canvases are examined one by one: one alone on all threads, of several each on its own. So no answer hangs
    on what stood beside it, and threads wait for each other once a canvas, not once a layer. The predictor
    travels to other processes.

    Parameters
    ----------
    threads
        Of the processor; 0 for as many as it has cores.

    Raises
    ------
    ValueError
        A file is damaged, or the archive lacks a weight that the graph names.
    """
    try:
        model = filled(graph.read_bytes(), weights.widened(archive))
        make = partial(_predictor, model.SerializeToString(), threads)
        return Network(Portable(make(), make), parts(model))
    except Exception as error:  # each of the four libraries has errors of its own
        raise ValueError(
            f"{graph} and {archive} must hold one network. Received: {error!r}. Run `dvc repro`."
        ) from error


def _predictor(model: bytes, threads: int) -> Predict:
    n_threads = threads or os.cpu_count() or 1
    session = cache(lambda own: onnxruntime.InferenceSession(model, _options(own)))  # made when it is needed
    names = [output.name for output in session(n_threads).get_outputs()]
    pool = ThreadPoolExecutor(n_threads, "network")

    def one(canvas: NDArray[np.uint8], own: int) -> NetworkOutput:
        outputs = session(own).run(names, {CANVASES: canvas[None]})
        return NetworkOutput.of_named(dict(zip(names, outputs, strict=True)))

    def predict(canvases: NDArray[np.uint8]) -> NetworkOutput:
        if len(canvases) == 1:
            return one(canvases[0], n_threads)
        session(1)  # before many threads ask for it
        return concatenate([*pool.map(partial(one, own=1), canvases)])

    return predict


def filled(graph: bytes, found: dict[str, NDArray[np.float32]]) -> onnx.ModelProto:
    """Give a graph its weights.

    Raises
    ------
    KeyError
        There is none at a path that the graph names.
    """
    model = onnx.load_from_string(graph)
    places = json.loads(_metadata(model)[PLACES])
    model.graph.initializer.extend(
        numpy_helper.from_array(found[path], name) for name, path in places.items()
    )
    inputs = [each for each in model.graph.input if each.name == CANVASES]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    return model


def parts(model: onnx.ModelProto) -> tuple[str, ...]:
    """Return the parts of the body that a network can name, in the order of its output."""
    return tuple(json.loads(_metadata(model)[PARTS]))


def _metadata(model: onnx.ModelProto) -> dict[str, str]:
    return {each.key: each.value for each in model.metadata_props}


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS_ALONE
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads take no processor
    return options
