"""Compare what networks say from one view of each radiograph, from two, four and eight.

    python benchmarks/views.py [CLASSIFIER.keras ...]                                  # on val
    python benchmarks/views.py FOLD0.keras FOLD1.keras ... --folds reports/folds       # out of fold

Reads the shards and annotations of a pipeline that has run, and its classifier where no other is named.
Calibration, thresholds and regions are chosen on `val` anew for each number of views. Without ``--folds``
they are judged there, too: the calibration error and the average precisions are those of what was fitted to
the same radiographs. With it, the networks are those of the folds in a row, as `fracture folds` left them in
MLflow; each is judged on the radiographs that its fold tests. Radiographs are pooled for the pointing game;
other figures are means over folds.
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
from pipeline.dataset import annotations, manifest
from pipeline.dataset.annotations import Annotations
from pipeline.evaluate import evaluation
from pipeline.network import classifier, device, inference, tta
from pipeline.network.interface import Predict
from pipeline.preprocess import shards
from pipeline.region_maps import choice, references
from pipeline.stages import region_maps
from pipeline.statistics import metrics

_HITS = "pointing game"


def main() -> None:
    """Print a row for each network and number of views, or one for all folds, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("networks", nargs="*", type=Path)
    parser.add_argument("--folds", type=Path, metavar="FOLDER", help="reports/folds of the networks")
    parser.add_argument("--views", nargs="+", type=int, choices=tta.NUMBERS, default=tta.NUMBERS)
    options = parser.parse_args()
    config = settings.read()
    device.prepare(config.run)
    known = annotations.read(config.paths.annotations)
    index = shards.read_index(config.paths.shards)
    rows = []
    for place, path in enumerate(options.networks or [config.paths.classifier]):
        network = inference.predictor(classifier.load(path))
        val = judged = index[index["split"] == "val"]
        if options.folds:
            split = _split(options.folds / f"fold-{place}", index)
            val, judged = index[split == "val"], index[split == "test"]
        for n_views in options.views:
            found = figures(config, tta.with_tta(network, n_views), known, val, judged)
            name = "all folds" if options.folds else path.name
            rows.append({"network": name, "views": n_views} | found)
    print(summary(pd.DataFrame(rows)).round(3).to_markdown(index=False))


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Join the rows of folds, the pointing game by the number of radiographs."""
    whole = rows.assign(**{_HITS: rows[_HITS] * rows["drawn"]})
    joined = whole.groupby(["network", "views"], sort=False).mean()
    joined[_HITS] /= joined["drawn"]
    joined["drawn"] = whole.groupby(["network", "views"], sort=False)["drawn"].sum()
    return joined.reset_index()


def figures(
    config: Config, predict: Predict, known: Annotations, val: pd.DataFrame, judged: pd.DataFrame
) -> dict[str, float]:
    """Choose on some rows of the index and judge on others, each group weighing as one but for precision."""
    is_same = judged is val
    chosen_on = region_maps.predict_split(config, predict, val)
    output = chosen_on if is_same else region_maps.predict_split(config, predict, judged)
    fitted, points = evaluation.choose(
        chosen_on.logits.astype(np.float64), val["fractured"].to_numpy(bool),
        val["sampling_weight"].to_numpy(float), method="platt",
        sensitivity=config.evaluate.high_sensitivity, specificity=config.evaluate.high_specificity,
    )  # fmt: skip
    way = choice.choose(region_maps.mapped(config, val, chosen_on, points, fitted), known, config.region_maps)
    mapped = region_maps.mapped(config, judged, output, points, fitted)
    precision = shown_regions.precision(config, mapped, known, way)
    hits = [each for each in references.on_target(mapped, known) if each is not None]
    fractured, weight = judged["fractured"].to_numpy(bool), judged["sampling_weight"].to_numpy(float)
    ranked = trials.judged({"fractured": fractured, "weight": weight}, output.logits.astype(np.float64))
    return {
        "AUROC": ranked["auroc"],
        "specificity at 95 %": ranked["specificity"],
        "calibration error": metrics.ece(fractured, fitted.probability(output.logits), weight),
        _HITS: float(np.mean(hits)),
        "AP 0.5": precision["coco_ap_50"],
        "AP 0.3": precision["coco_ap_30"],
        "drawn": len(hits),
    }


def _split(folder: Path, index: pd.DataFrame) -> pd.Series:
    """Split of a fold for each row of the index."""
    rows = manifest.read(folder / "manifest.csv")
    return index["path"].map(rows.set_index("path")["split"])


if __name__ == "__main__":
    main()
