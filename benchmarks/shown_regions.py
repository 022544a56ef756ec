"""Say how many regions are shown with and without a lowest score, and draw twenty radiographs with what is.

    python benchmarks/shown_regions.py --out shown.jpg  # val, on which the lowest score is chosen
    python benchmarks/shown_regions.py --out shown.jpg --split test
    python benchmarks/shown_regions.py --out shown.jpg --lowest 0.02 0.06  # other lowest scores beside it

Reads the shards, the classifier, the operating points, the annotations and the radiographs of a pipeline that
has run, with this code or an older one; how regions are cut is chosen on `val` again. "before" shows all
that reach the sensitive threshold. The sensitivity at one false mark is that of the regions that are shown;
cleared radiographs show none. That of all candidates, in `metrics.json`, cannot change. Of a network that
draws boxes, the average precision of all candidates stands below, beside that of the same boxes by their
peaks alone, whether or not the cells inside agree, and that of regions cut from its map.
The sheet holds radiographs that are not cleared, half of them fractured where there are as many, at even
steps in the order of their probabilities: left before, right after.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import config as settings
from pipeline.config import Config
from pipeline.dataset import annotations, names
from pipeline.dataset.annotations import Annotations
from pipeline.files import images, resize
from pipeline.network import classifier, device, inference, tta
from pipeline.predict import bundle_files, operating_points
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.maps import MapSet
from pipeline.predict.regions import Region
from pipeline.preprocess import shards
from pipeline.region_maps import choice, coco, froc, gallery, references, shown
from pipeline.stages import region_maps
from pipeline.types import UInt8Array

_CELL_PX = (360, 320)  # of a picture on the sheet, height and width
_PAIRS_A_ROW = 4


def main() -> None:
    """Print a row of figures before and after, and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--out", type=Path, required=True, help="a .jpg")
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--lowest", nargs="*", type=float, default=[], help="other lowest scores to compare")
    options = parser.parse_args()
    config = settings.read()
    device.prepare(config.run)
    known = annotations.read(config.paths.annotations)
    val = mapped(config, "val")
    found = val if options.split == "val" else mapped(config, options.split)
    after = choice.choose(val, known, config.region_maps)
    ways = {"before": replace(after, min_score=0.0, max_area_share=1.0), "after": after}
    print(f"lowest score {after.min_score:.4f}, largest area {after.max_area_share:.3f} of the radiograph")
    others = {f"from {score:g}": replace(after, min_score=score) for score in options.lowest}
    print(compare(found, known, ways | others).round(3).to_string())
    if val.boxes.size:
        bare = [replace(each, boxes=np.zeros((0, 0, 0, 4), np.float16)) for each in (val, found)]
        from_map = choice.choose(bare[0], known, config.region_maps)
        sides = {"own boxes": precision(config, found, known, after)}
        by_peak = replace(after, weigh_agreement=False)
        sides["own boxes by peak"] = precision(config, found, known, by_peak)
        sides["cut from the map"] = precision(config, bare[1], known, from_map)
        print(pd.DataFrame(sides).round(3).to_string())
    options.out.parent.mkdir(parents=True, exist_ok=True)
    images.write(options.out, sheet(config, found, known, list(ways.values()), options.pictures))


def mapped(config: Config, split: str) -> MapSet:
    """Predict and map a split."""
    index = shards.read_index(config.paths.shards)
    points, calibration = bundle_files.read_operating_points(config.paths.models / names.OPERATING_POINTS)
    predict = tta.with_tta(
        inference.predictor(classifier.load(config.paths.classifier)), config.predict.tta_views
    )
    rows = index[index["split"] == split]
    output = region_maps.predict_split(config, predict, rows)
    return region_maps.mapped(config, rows, output, points, calibration)


def compare(found: MapSet, known: Annotations, ways: dict[str, RegionSettings]) -> pd.DataFrame:
    """Figures of what is shown each way, a column each."""
    usable = found.where(references.is_usable(found, known))
    boxes, group = references.boxes(usable, known), usable.rows["group"].to_numpy()
    columns = {}
    for name, way in ways.items():
        candidates = cut(way, usable)
        regions = shown.select(usable, candidates, way)
        marked, _ = froc.score(regions, boxes, group, n_samples=1, seed=0)
        figures = shown.score(usable, regions, known, n_samples=1, seed=0)
        own = {key: value for key, value in figures.items() if not key.endswith(("_low", "_high"))}
        columns[name] = {
            "regions": sum(map(len, regions)),
            **own,
            "sensitivity at one false mark": marked.get("froc_sensitivity_1", np.nan),
        }
    return pd.DataFrame(columns)


def cut(way: RegionSettings, usable: MapSet) -> list[list[Region]]:
    """Find the candidates of each radiograph."""
    return [way.candidates(each, usable.cells(place)) for place, each in enumerate(usable)]


def precision(config: Config, found: MapSet, known: Annotations, way: RegionSettings) -> dict[str, float]:
    """COCO average precision of all candidates."""
    usable = found.where(references.is_usable(found, known))
    candidates = cut(way, usable)
    ids = [known.image_id(path) for path in usable.rows["path"]]
    data = annotations.load_coco(config.paths.annotations)
    return coco.average_precision(data, coco.results(candidates, ids), ids)


def sheet(
    config: Config, found: MapSet, known: Annotations, ways: Sequence[RegionSettings], n_pictures: int
) -> UInt8Array:
    """Draw pairs, before and after, in rows: uint8 (H, W, 3)."""
    cases = gallery.cases(found.rows, references.on_target(found, known))
    painters = [
        gallery.painter(
            config.data.root,
            found,
            known,
            way,
            colormap=config.region_maps.colormap,
            max_pixels=config.validation.max_pixels,
        )
        for way in ways
    ]
    pairs = [
        np.hstack([_fitted(paint(case).overlay) for paint in painters]) for case in chosen(cases, n_pictures)
    ]
    pairs += [np.zeros_like(pairs[0])] * (-len(pairs) % _PAIRS_A_ROW)
    rows = [np.hstack(pairs[start : start + _PAIRS_A_ROW]) for start in range(0, len(pairs), _PAIRS_A_ROW)]
    return np.vstack(rows)


def chosen(cases: Sequence[gallery.Case], n_pictures: int) -> list[gallery.Case]:
    """Choose radiographs that are not cleared, from the likeliest to the least likely of either class."""
    asked = sorted(
        (case for case in cases if case.decision != operating_points.NO_FINDING),
        key=lambda case: -case.probability,
    )
    if not asked:
        raise SystemExit("every radiograph is cleared: there is nothing to draw")
    classes = [[case for case in asked if case.fractured is wanted] for wanted in (True, False)]
    least = min(map(len, classes))
    shares = [min(len(own), max(n_pictures // 2, n_pictures - least)) for own in classes]
    return [
        own[place]
        for own, share in zip(classes, shares, strict=True)
        for place in np.linspace(0, len(own) - 1, share).round().astype(int)
    ]


def _fitted(picture: UInt8Array) -> UInt8Array:
    """Scale a picture into a cell, and leave the rest dark."""
    scale = min(whole / side for whole, side in zip(_CELL_PX, picture.shape, strict=False))
    small = resize.to_shape(picture, [round(side * scale) for side in picture.shape[:2]])
    cell = np.zeros((*_CELL_PX, 3), np.uint8)
    cell[: small.shape[0], : small.shape[1]] = small
    return cell


if __name__ == "__main__":
    main()
