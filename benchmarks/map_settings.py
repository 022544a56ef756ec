"""Say on `val` what test-time views are worth, and how peaks are best parted into regions.

    python benchmarks/map_settings.py 1 2 4 6                # views that logits and maps are averaged over
    python benchmarks/map_settings.py 2 --valleys 0 0.25 0.5   # region_maps.valley_share

Reads the shards, the classifier, the operating points and the annotations of a pipeline that has run. `test`
is not touched. Regions are cut as the stage would cut them, chosen on the very radiographs that they are
scored on: good for comparing, not for reporting.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline import config as settings
from pipeline.dataset import annotations, names
from pipeline.network import classifier, device, inference, interface, tta
from pipeline.predict import bundle_files, maps
from pipeline.predict.maps import MapSet
from pipeline.preprocess import shards
from pipeline.region_maps import assessment, choice
from pipeline.statistics import metrics

_FIGURES = (
    *("pointing_game", "pointing_game_tolerant", "energy_in_box", "pixel_average_precision"),
    *("froc_sensitivity_0.5", "froc_sensitivity_1", "froc_sensitivity_2", "region_ece"),
)


def main() -> None:
    """Map `val` with each number of views, and print a row of figures each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("views", type=int, nargs="+")
    config = settings.read()
    parser.add_argument("--valleys", type=float, nargs="+", default=[config.region_maps.valley_share])
    options = parser.parse_args()
    device.prepare(config.run)
    index = shards.read_index(config.paths.shards)
    val = index[index["split"] == "val"].reset_index(drop=True)
    known = annotations.read(config.paths.annotations)
    points, calibration = bundle_files.read_operating_points(config.paths.models / names.OPERATING_POINTS)
    predict = inference.predictor(classifier.load(config.paths.classifier))
    rows = []
    for count in options.views:
        found = maps.from_output(
            val,
            inference.predict_all(
                tta.with_tta(predict, count), shards.dataset(config.paths.shards, val, interface.BATCH)
            ),
            [shards.placement(row) for row in val.itertuples()],
            canvas_shape=(config.preprocess.height_px, config.preprocess.width_px),
            points=points,
            calibration=calibration,
        )
        for valley in options.valleys:
            limits = config.region_maps.model_copy(update={"valley_share": valley})
            figures = score(config.model_copy(update={"region_maps": limits}), found, known)
            rows.append({"views": count, "valley_share": valley} | figures)
        print(pd.DataFrame(rows).round(3).to_string(index=False), flush=True)


def score(config: settings.Config, found: MapSet, known: annotations.Annotations) -> dict[str, float]:
    """Figures of the maps of `val`, and how regions were cut."""
    nothing = pd.DataFrame(index=found.rows.index)
    chosen = choice.choose(found, known, config.region_maps)
    candidates = [chosen.candidates(region_map, found.cells(place)) for place, region_map in enumerate(found)]
    figures, _ = assessment.localize(
        found, candidates, known, partial(unseen, found), nothing, n_samples=50, seed=config.run.seed
    )
    return {
        "auroc": metrics.auroc(found.rows["fractured"].to_numpy(bool), found.rows["y_score"].to_numpy(float)),
        **{name: figures[name] for name in _FIGURES},
        **{f"box_{iou}": share for iou, share in figures["max_box_acc"].items()},
        "peak_share": chosen.peak_share,
        "min_area_share": chosen.min_area_share,
        "map_threshold": chosen.map_threshold,
    }


def unseen(found: MapSet, paths: Iterable[str]) -> Iterator[NDArray[np.uint8]]:
    """Give black canvases: the brightest bone plays no part here."""
    return (np.zeros(found.canvas_shape, np.uint8) for _ in paths)


if __name__ == "__main__":
    main()
