"""Compare what a network says of `val` from one view of each radiograph, two, four and all.

    python benchmarks/views.py [CLASSIFIER.keras ...]

Reads the shards and annotations of a pipeline that has run, and its classifier where no other is named.
Calibration, thresholds and regions are chosen on `val` anew for each way, and judged there: the calibration
error and the average precisions are those of what was fitted to the same radiographs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import shown_regions
import trials

from pipeline import config as settings
from pipeline.config import Config
from pipeline.dataset import annotations
from pipeline.dataset.annotations import Annotations
from pipeline.evaluate import evaluation
from pipeline.network import classifier, device, inference, tta
from pipeline.network.interface import Predict
from pipeline.preprocess import shards
from pipeline.region_maps import choice, references
from pipeline.stages import region_maps
from pipeline.statistics import metrics


def main() -> None:
    """Print a row for each network and number of views, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("networks", nargs="*", type=Path)
    config = settings.read()
    device.prepare(config.run)
    known = annotations.read(config.paths.annotations)
    rows = []
    for path in parser.parse_args().networks or [config.paths.classifier]:
        network = inference.predictor(classifier.load(path))
        rows += [
            {"network": path.name, "views": n} | figures(config, tta.with_tta(network, n), known)
            for n in tta.NUMBERS
        ]
    print(pd.DataFrame(rows).round(3).to_markdown(index=False))


def figures(config: Config, predict: Predict, known: Annotations) -> dict[str, float]:
    """Judge one way, each group weighing as one but for average precision."""
    index = shards.read_index(config.paths.shards)
    rows = index[index["split"] == "val"]
    output = region_maps.predict_split(config, predict, rows)
    fractured, weight = rows["fractured"].to_numpy(bool), rows["sampling_weight"].to_numpy(float)
    logits = output.logits.astype(np.float64)
    fitted, points = evaluation.choose(
        logits, fractured, weight, method="platt",
        sensitivity=config.evaluate.high_sensitivity, specificity=config.evaluate.high_specificity,
    )  # fmt: skip
    judged = trials.judged({"fractured": fractured, "weight": weight}, logits)
    mapped = region_maps.mapped(config, rows, output, points, fitted)
    precision = shown_regions.precision(
        config, mapped, known, choice.choose(mapped, known, config.region_maps)
    )
    hits = [each for each in references.on_target(mapped, known) if each is not None]
    return {
        "AUROC": judged["auroc"],
        "specificity at 95 %": judged["specificity"],
        "calibration error": metrics.ece(fractured, fitted.probability(logits), weight),
        "pointing game": float(np.mean(hits)),
        "AP 0.5": precision["coco_ap_50"],
        "AP 0.3": precision["coco_ap_30"],
    }


if __name__ == "__main__":
    main()
