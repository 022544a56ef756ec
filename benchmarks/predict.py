"""Measure what an answer costs: the light runtime beside Keras, and one radiograph from the command line.

    python benchmarks/predict.py
    python benchmarks/predict.py --models models --images 64 --rounds 7

One run, the same network and the same canvases of noise, in turns: the bundle's own network (ONNX Runtime,
canvas by canvas), Keras' compiled function, and Keras' ``predict``, both in batches of 16. Medians of
rounds: milliseconds of the clock and of the processor a canvas. Beside them stands the physical limit: how
fast the light runtime's kernels are, and the fastest product of two matrices here. Then `fracture predict` on
one phantom, as processes of their own: the fewest seconds of clock and processor, from start to overlay.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bars
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.dataset import names
from pipeline.files import images
from pipeline.network import classifier, inference, interface, runtime, weights
from pipeline.phantoms import drawing

_KERNEL = "_kernel_time"
_THROUGHPUT_BAR, _COMMAND_BAR_S = 1.5, 2.5


def main() -> None:
    """Measure, and print a line a contestant."""
    arguments = _arguments()
    model = classifier.load(arguments.models / names.CLASSIFIER)
    light = runtime.load(arguments.models / names.GRAPH, arguments.models / names.CLASSIFIER).predict
    compiled = inference.predictor(model)
    shape = (arguments.images, *model.input_shape[1:3])
    canvases = np.random.default_rng(7).integers(0, 256, shape).astype(np.uint8)
    contestants = {
        "light runtime, one by one": lambda: light(canvases),
        "Keras compiled, batches of 16": lambda: _in_batches(compiled, canvases),
        "Keras predict, batches of 16": lambda: model.predict(
            canvases[..., None].astype(np.float32), batch_size=interface.BATCH, verbose=0
        ),
    }
    wall, spent = _measure(contestants, arguments.rounds)
    for name in contestants:
        each = 1000 / arguments.images
        print(f"{name}: {wall[name] * each:.1f} ms, processor {spent[name] * each:.1f} ms a canvas")
    first, last = wall["light runtime, one by one"], wall["Keras predict, batches of 16"]
    said = bars.at_least(last / first, _THROUGHPUT_BAR)
    print(f"throughput of the light runtime to that of Keras predict: {said}")
    _say_limit(arguments.models)
    clock, processor = _command(arguments.models)
    said = bars.at_most(processor, _COMMAND_BAR_S, "{:.2f} s")
    print(f"one radiograph by the command: {clock:.2f} s, processor {said}")


def _in_batches(predict: interface.Predict, canvases: NDArray[np.uint8]) -> None:
    for start in range(0, len(canvases), interface.BATCH):
        predict(canvases[start : start + interface.BATCH])


def _measure(
    contestants: dict[str, Callable[[], object]], rounds: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Let each run once for nothing, then so many times in turns: median seconds of clock and processor."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for run in contestants.values():
        run()
    for _ in range(rounds):
        for name, run in contestants.items():
            begin, before = time.perf_counter(), time.process_time()
            run()
            seen[name].append((time.perf_counter() - begin, time.process_time() - before))
    medians = {
        name: [statistics.median(column) for column in zip(*own, strict=True)] for name, own in seen.items()
    }
    return {name: own[0] for name, own in medians.items()}, {name: own[1] for name, own in medians.items()}


def _say_limit(models: Path) -> None:
    """Say how long each kind of kernel takes on one core, and what this processor does at best."""
    best = _fastest() / (os.cpu_count() or 1)
    print(f"one core, product of two matrices: {best / 1e9:.0f} GFLOP/s; the light runtime's kernels:")
    for kind, (seconds, operations) in sorted(_kernels(models).items()):
        speed = f", {operations / seconds / 1e9:.0f} GFLOP/s" if operations else ""
        print(f"    {kind}: {1000 * seconds:.1f} ms a canvas{speed}")


def _kernels(models: Path, rounds: int = 20) -> dict[str, tuple[float, float]]:
    """Let the runtime time its kernels on one core: seconds a canvas and operations, by kind."""
    model = runtime.filled((models / names.GRAPH).read_bytes(), weights.widened(models / names.CLASSIFIER))
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level, options.enable_profiling = 1, 3, True
        options.profile_file_prefix = options.optimized_model_filepath = f"{folder}/optimized"
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        sides = session.get_inputs()[0].shape[1:]
        for _ in range(rounds):
            session.run(None, {runtime.CANVASES: np.zeros((1, *sides), np.uint8)})
        events = json.loads(Path(session.end_profiling()).read_text())
        nodes = {node.name: node for node in onnx.load(f"{folder}/optimized").graph.node}
    found = defaultdict(list)
    for event in events:
        if event["name"].endswith(_KERNEL) and event["cat"] == "Node":
            found[event["name"].removesuffix(_KERNEL)].append(event)
    total: dict[str, tuple[float, float]] = {}
    for name, own in found.items():
        kind, operations = _operations(nodes[name], own[0]["args"])
        seconds, counted = total.get(kind, (0.0, 0.0))
        total[kind] = seconds + statistics.median(event["dur"] for event in own) / 1e6, counted + operations
    return total


def _operations(node: onnx.NodeProto, seen: dict[str, Any]) -> tuple[str, float]:
    """Tell a kernel's kind, and its multiplications and additions where it is a convolution."""
    if node.op_type != "Conv":
        return "all others", 0.0
    (given, *_), (made, *_) = ([shape for each in seen[f"{side}_type_shape"] for shape in each.values()]
                               for side in ("input", "output"))  # fmt: skip
    own = {each.name: each.i or [*each.ints] for each in node.attribute}
    groups = own.get("group", 1)
    kind = "convolutions, depthwise" if groups > 1 else "convolutions over all channels"
    return kind, 2.0 * math.prod(own["kernel_shape"]) * given[1] / groups * math.prod(made)


def _fastest(side: int = 2048, rounds: int = 5) -> float:
    """Operations a second of the fastest product of two float32 matrices, by NumPy or TensorFlow."""
    one, other = np.random.default_rng(7).random((2, side, side), np.float32)
    fewest = math.inf
    for product in (lambda: one @ other, lambda: tf.matmul(one, other).numpy()):
        for _ in range(rounds):
            begin = time.perf_counter()
            product()
            fewest = min(fewest, time.perf_counter() - begin)
    return 2 * side**3 / fewest


def _command(models: Path, rounds: int = 3) -> tuple[float, float]:
    """Examine one phantom by the command: the fewest seconds of clock and processor of some processes."""
    with tempfile.TemporaryDirectory() as folder:
        phantom = drawing.draw(7, "test", 1, fractured=True, side_px=(900, 1200))
        images.write(Path(folder) / "phantom.png", phantom.pixels)
        call = [sys.executable, "-m", "pipeline", "predict", "phantom.png", "--model", str(models.absolute())]
        around = os.environ | {"PYTHONPATH": str(Path.cwd())}
        found = []
        for place in range(rounds):
            begin, before = time.perf_counter(), os.times()
            subprocess.run(
                [*call, "--out", f"out{place}"], cwd=folder, env=around, check=True, capture_output=True
            )
            after = os.times()
            spent = sum(after[2:4]) - sum(before[2:4])
            found.append((time.perf_counter() - begin, spent))
    return min(wall for wall, _ in found), min(spent for _, spent in found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models/released/fracatlas"))
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
