"""Measure what 8-bit integers would gain and cost: ONNX Runtime's own quantisation after training.

    python benchmarks/int8.py --models models --shards Data/shards

Convolutions, their activations and sums are quantised; ranges come from radiographs of ``train`` (smallest
and largest values), kernels channel by channel. Printed: processor time of one canvas on one thread, fewest
of eight turns; AUROC on ``val``; and how far logits lie apart. It may be used where AUROC on ``val`` stays
within 0.002 (docs/decisions/0024-a-bundle-answers-without-tensorflow.md).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process
from scipy.special import expit

from pipeline.dataset import names
from pipeline.network import runtime, weights
from pipeline.preprocess import shards
from pipeline.statistics import metrics

_QUANTISED = ["Conv", "Clip", "Relu", "Add"]
_TURNS = 8


class Ranges(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Radiographs that show how large the values become."""

    def __init__(self, canvases: Iterator[NDArray[np.uint8]]) -> None:
        self._left = canvases

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Return the next one; None after the last."""
        canvas = next(self._left, None)
        return None if canvas is None else {runtime.CANVASES: canvas[None]}


def main() -> None:
    """Quantise, measure, print."""
    arguments = _arguments()
    index = shards.read_index(arguments.shards)
    train, val = (index[index["split"] == split] for split in ("train", "val"))
    shown = shards.canvases(arguments.shards, train.iloc[:: max(1, len(train) // arguments.images)])
    truth = val["fractured"].to_numpy(bool)
    with tempfile.TemporaryDirectory() as folder:
        exact, narrow = _models(arguments.models, Path(folder), shown)
        networks = {"float32": _session(exact), "int8": _session(narrow)}
        canvases = list(shards.canvases(arguments.shards, val))
        logits = {name: _logits(network, canvases) for name, network in networks.items()}
        for name, network in networks.items():
            auroc = metrics.auroc(truth, expit(logits[name]))
            print(f"{name}: {_milliseconds(network, canvases[0]):.1f} ms, AUROC on val {auroc:.4f}")
    apart = np.abs(logits["int8"] - logits["float32"])
    print(f"logits apart: {apart.max():.2f} at most, {apart.mean():.2f} in the mean of {len(apart)}")


def _models(models: Path, folder: Path, shown: Iterator[NDArray[np.uint8]]) -> tuple[Path, Path]:
    """Write the network whole, and quantised."""
    exact, prepared, narrow = (folder / f"{name}.onnx" for name in ("exact", "prepared", "narrow"))
    graph, archive = models / names.GRAPH, models / names.CLASSIFIER
    onnx.save(runtime.filled(graph.read_bytes(), weights.widened(archive)), exact)
    quant_pre_process(exact, prepared, skip_symbolic_shape=True)
    quantization.quantize_static(
        prepared, narrow, Ranges(shown), per_channel=True, op_types_to_quantize=_QUANTISED
    )
    return exact, narrow


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options)


def _logits(network: onnxruntime.InferenceSession, canvases: list[NDArray[np.uint8]]) -> NDArray[np.float64]:
    found = [network.run(["logits"], {runtime.CANVASES: canvas[None]})[0] for canvas in canvases]
    return np.concatenate(found).astype(np.float64)


def _milliseconds(network: onnxruntime.InferenceSession, canvas: NDArray[np.uint8]) -> float:
    spent = []
    for _ in range(_TURNS):
        before = time.process_time()
        network.run(None, {runtime.CANVASES: canvas[None]})
        spent.append(time.process_time() - before)
    return 1000 * min(spent)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--shards", type=Path, default=Path("Data/shards"))
    parser.add_argument("--images", type=int, default=24, help="radiographs that show the ranges")
    return parser.parse_args()


if __name__ == "__main__":
    main()
