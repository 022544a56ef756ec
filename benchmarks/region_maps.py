"""Measure what region maps cost: beside predicting alone, and beside Grad-CAM through tf-keras-vis.

    python benchmarks/region_maps.py --models models --shards Data/shards
    python benchmarks/region_maps.py --models models --shards Data/shards --peer SITE_PACKAGES

One run, one process, the same network and the same canvases, in turns: probabilities alone; probabilities
and maps as numbers on the canvas; the same brought to the radiographs' own pixels and cut into regions, each
over as many views as the bundle takes; maps of one view; and Grad-CAM and Grad-CAM++ by tf-keras-vis
(dependency group `peers`; ``--peer`` names a folder that holds it), which have one view.
Medians of rounds, images a second, and the ratios that matter.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bars
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline import config as settings
from pipeline.dataset import names
from pipeline.network import classifier, device, inference, interface, tta
from pipeline.predict import bundle, maps
from pipeline.preprocess import shards
from pipeline.preprocess.canvas import Placement

Pixels = NDArray[np.uint8]

_COST_BAR, _PEER_BAR = 0.10, 3.0  # maps over probabilities alone; ours / tf-keras-vis


def main() -> None:
    """Measure, and print a line a contestant."""
    arguments = _arguments()
    device.prepare(settings.read().run)
    index = shards.read_index(arguments.shards).head(arguments.images)
    canvases = np.stack(list(shards.canvases(arguments.shards, index)))
    placements = [shards.placement(row) for row in index.itertuples()]
    model = classifier.load(arguments.models / names.CLASSIFIER)
    contestants = own(model, bundle.load(arguments.models), canvases, placements, arguments.batch)
    contestants |= peers(model, canvases, arguments.batch, arguments.peer)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for run in contestants.values():
        run()  # traces and compiles
    for _ in range(arguments.rounds):
        for name, run in contestants.items():
            begin, spent = time.perf_counter(), time.process_time()
            run()
            seconds[name].append((time.perf_counter() - begin, time.process_time() - spent))
    report(seconds, len(canvases))


def own(
    model: keras.Model, loaded: bundle.Bundle, canvases: Pixels, placements: list[Placement], batch: int
) -> dict[str, Callable[[], None]]:
    """Ways of using this network."""
    probabilities = _probabilities(model)
    plain = inference.predictor(model)
    averaged = tta.with_tta(plain, loaded.tta_views)
    views = tta.VIEWS[: loaded.tta_views]
    shape = canvases.shape[1:]

    def alone() -> None:
        for part in _batches(canvases, batch):
            logits = [probabilities(tf.constant(view.warp(part))).numpy() for view in views]
            loaded.calibration.probability(np.mean(logits, axis=0))

    def mapped(predict: interface.Predict = averaged) -> None:
        for part in _batches(canvases, batch):
            logits, evidence, *_ = predict(part)
            loaded.calibration.probability(logits)
            maps.probability_map(evidence, loaded.calibration)

    def cut() -> None:
        for start in range(0, len(canvases), batch):
            output = averaged(canvases[start : start + batch])
            loaded.calibration.probability(output.logits)
            drawn = maps.probability_map(output.evidence, loaded.calibration)
            boxes = output.boxes if output.boxes.size else [None] * len(drawn)
            for one, own, placement in zip(drawn, boxes, placements[start : start + batch], strict=True):
                cells = None if own is None else maps.in_cells(one, own, placement, shape)
                loaded.region_settings.visible_regions(placement.map_to_radiograph(one, shape), cells)

    return {
        "probabilities alone": alone,
        "with maps": mapped,
        "with maps, in pixels, cut": cut,
        "with maps, one view": lambda: mapped(plain),
    }


def peers(
    model: keras.Model, canvases: Pixels, batch: int, folder: Path | None
) -> dict[str, Callable[[], None]]:
    """Grad-CAM of this network through tf-keras-vis; nothing where it is not installed."""
    if folder is not None:
        sys.path.append(str(folder))
    try:
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    except ImportError as error:
        print(f"tf-keras-vis is not measured: {error}. Install the group `peers`, or name it with --peer.")
        return {}
    flat = keras.Model(model.input, model.output["logit"])  # it takes one output
    layer = model.get_layer("pyramid32_lateral").input._keras_history.operation.name

    def ask(method: Callable[..., object]) -> Callable[[], None]:
        def run() -> None:
            for part in _batches(canvases, batch):
                method(lambda output: output[:, 0], part[..., None].astype(np.float32), layer)

        return run

    return {
        "tf-keras-vis Grad-CAM": ask(Gradcam(flat, clone=False)),
        "tf-keras-vis Grad-CAM++": ask(GradcamPlusPlus(flat, clone=False)),
    }


def report(seconds: dict[str, list[tuple[float, float]]], n_images: int) -> None:
    """Print medians and ratios, by the clock and by the processor, which other programs disturb less."""
    for place, kind in enumerate(("clock", "processor")):
        median = {name: statistics.median(pair[place] for pair in pairs) for name, pairs in seconds.items()}
        print(f"By the {kind}:")
        for name, value in median.items():
            values = [pair[place] for pair in seconds[name]]
            spread = f"{min(values):.2f} to {max(values):.2f}"
            print(f"  {name:26} {value:7.2f} s ({spread}) {n_images / value:8.1f} images/s")
        alone, mapped = median["probabilities alone"], median["with maps"]
        cost = bars.at_most(mapped / alone - 1, _COST_BAR, "{:+.0%}")
        print(f"  maps cost {cost} over probabilities alone")
        cut = median["with maps, in pixels, cut"]
        print(f"  in the radiograph's pixels and cut into regions: {100 * (cut / alone - 1):+.1f} %")
        for name in (name for name in median if name.startswith("tf-keras-vis")):
            faster = bars.at_least(median[name] / mapped, _PEER_BAR)
            print(f"  images a second to those of {name}: {faster}")
            print(f"  {median[name] / median['with maps, one view']:.2f} x with one view")


def _probabilities(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Compile the network without its map: nothing but the logit is computed and returned."""
    alone = keras.Model(model.input, model.output["logit"])
    return tf.function(lambda part: alone(tf.cast(part, tf.float32)[..., None], training=False)[:, 0])


def _batches(canvases: Pixels, batch: int) -> list[Pixels]:
    return [canvases[start : start + batch] for start in range(0, len(canvases), batch)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of a sealed bundle")
    parser.add_argument("--shards", type=Path, default=Path("Data/shards"))
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", type=Path, help="folder that holds tf_keras_vis, if it is not installed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
