"""Measure what an answer costs: the light runtime beside Keras, and one radiograph from the command line.

    python benchmarks/predict.py
    python benchmarks/predict.py --models models --images 64 --rounds 7

One run, the same network and the same canvases of noise, in turns: the bundle's own network (ONNX Runtime,
canvas by canvas), Keras' compiled function, and Keras' ``predict``, both in batches of 16. Medians of
rounds: milliseconds of the clock and of the processor a canvas. Beside them stands the physical limit: what
the network's convolutions would take at the speed of the best product of two matrices here. Then `fracture
predict` on one phantom, as processes of their own: the fewest seconds of clock and processor, from start to
overlay.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.dataset import names
from pipeline.files import images
from pipeline.network import classifier, inference, interface, runtime, weights
from pipeline.phantoms import drawing


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
    print(f"throughput of the light runtime to that of Keras predict: {last / first:.2f}")
    _say_limit(arguments.models, arguments.images, first, last)
    print("one radiograph by the command: {:.2f} s, processor {:.2f} s".format(*_command(arguments.models)))


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


def _say_limit(models: Path, images: int, first: float, last: float) -> None:
    operations, speed = _operations(models), _fastest()
    least = images * operations / speed
    print(
        f"limit: {operations / 1e9:.2f} GFLOP of convolutions a canvas, {speed / 1e9:.0f} GFLOP/s a matrix "
        f"product; {least / first:.2f} of it is reached, and all of it is {last / least:.2f} of Keras predict"
    )


def _operations(models: Path) -> float:
    """Count the multiplications and additions of the convolutions, for one canvas."""
    model = runtime.filled((models / names.GRAPH).read_bytes(), weights.widened(models / names.CLASSIFIER))
    for side in model.graph.input[0].type.tensor_type.shape.dim:
        if side.dim_param:
            side.dim_value = 1
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {
        each.name: [side.dim_value for side in each.type.tensor_type.shape.dim] for each in graph.value_info
    }
    total = 0
    for node in (each for each in graph.node if each.op_type == "Conv"):
        own = {each.name: each.i or [*each.ints] for each in node.attribute}
        taps = shapes[node.input[0]][1] // own.get("group", 1) * math.prod(own["kernel_shape"])
        total += 2 * taps * math.prod(shapes[node.output[0]])
    return float(total)


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
