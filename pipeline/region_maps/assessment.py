"""All that is measured of the maps of a set of radiographs: where they point, and whether to believe them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from pipeline.config import RegionMaps
from pipeline.dataset import annotations as reference
from pipeline.dataset.annotations import Annotations
from pipeline.network.interface import Predict
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.maps import MapSet
from pipeline.predict.regions import Region
from pipeline.region_maps import (
    coco,
    faithfulness,
    froc,
    methods,
    randomization,
    references,
    region_alone,
    scores,
    shown,
    subgroups,
)
from pipeline.types import Float64Array, UInt8Array

Canvases = Callable[[Iterable[str]], Iterator[UInt8Array]]

_CUT = ("map_threshold", "sensitive_threshold", "peak_share", "min_area_share", "min_score", "max_area_share")
_TABLES = ("subgroups", "methods", "radiographs", "marks")  # the others are curves


@dataclass(frozen=True)
class Assessment:
    """What came of it.

    Attributes
    ----------
    figures
        For ``metrics.json``.
    tables
        ``subgroups`` and ``methods``; ``radiographs`` and ``marks``, from which several sets are scored as
        one (:mod:`pipeline.region_maps.folds`); the curves ``froc``, ``deletion`` and ``randomization``.
        Empty where nothing could be measured.
    coco_results
        The regions of each radiograph, shown or not, the strongest first, as COCO results.
    """

    figures: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    coco_results: str

    def texts(self) -> dict[str, str]:
        """Write the regions, the tables and the curves of the report folder: name to text."""
        paths = {name if name in _TABLES else f"plots/{name}": table for name, table in self.tables.items()}
        return {"regions.coco.json": self.coco_results} | {
            f"{name}.csv": table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
            for name, table in paths.items()
        }


def assess(
    model: keras.Model,
    predict: Predict,
    maps: MapSet,
    annotations: Annotations,
    canvases: Canvases,
    attributes: pd.DataFrame,
    settings: RegionSettings,
    limits: RegionMaps,
    *,
    annotations_file: Path,
    n_samples: int,
    seed: int,
) -> Assessment:
    """Localization where there are annotations; faithfulness on the likeliest and of regions alone.

    Parameters
    ----------
    model, predict, maps
        The classifier, its predictor over test-time views, and the maps that came of it.
    annotations, annotations_file
        Annotations of all radiographs, checked, and the COCO file that holds them.
    canvases
        From paths to the canvases that the network was given, uint8 (H, W) each.
    attributes
        What is known of each radiograph of ``maps``, as text: it makes subgroups.
    settings, limits
        How regions are cut, and on how many radiographs faithfulness is measured.
    n_samples, seed
        Resamples of the groups, and where random numbers start.
    """
    repeat: dict[str, int] = {"n_samples": n_samples, "seed": seed}
    regions = [settings.candidates(region_map, maps.cells(place)) for place, region_map in enumerate(maps)]
    results = coco.results(regions, [annotations.image_id(path) for path in maps.rows["path"]])
    figures, tables = localize(maps, regions, annotations, canvases, attributes, **repeat)
    if figures:
        usable = maps.rows[references.is_usable(maps, annotations)]
        ids = [annotations.image_id(path) for path in usable["path"]]
        data = reference.load_coco(annotations_file)
        figures |= coco.average_precision_by_group(data, results, ids, usable["group"].to_numpy(), **repeat)
        figures |= coco.average_precision(data, results, ids)
    figures |= shown.score(maps, shown.select(maps, regions, settings), annotations, **repeat)

    def probability(batch: UInt8Array) -> Float64Array:
        return maps.calibration.probability(predict(batch).logits)

    def answer(batch: UInt8Array) -> Float64Array:
        return (maps.answers or maps.calibration).probability(predict(batch).logits)

    likeliest = maps.rows["y_score"].rank(method="first", ascending=False).to_numpy()
    probed = maps.where(likeliest <= limits.faithfulness_radiographs)
    stack = list(canvases(probed.rows["path"]))
    used, tables["deletion"] = faithfulness.measure(
        zip(stack, map(probed.on_canvas, range(len(probed))), strict=True),
        probed.rows["group"].astype(str).tolist(),
        probability,
        threshold=settings.map_threshold,
        steps=limits.faithfulness_steps,
        cell_px=methods.CELL_PX,
        **repeat,
    )
    used |= region_alone.measure(maps, regions, canvases, answer, **repeat)
    learnt, tables["randomization"] = randomization.randomize_layers(model, probed, stack, **repeat)
    compared = methods.sample(maps, annotations, limits.methods_radiographs)
    tables["methods"] = methods.compare(
        model,
        probability,
        compared,
        list(canvases(compared.rows["path"])),
        annotations,
        steps=limits.faithfulness_steps // 2,
        **repeat,
    )
    cut = {name: getattr(settings, name) for name in _CUT}
    cut |= {"max_overlap": settings.max_overlap} if settings.max_overlap else {}
    return Assessment({**cut, **figures, **used, **learnt}, tables, json.dumps(results, indent=1) + "\n")


def localize(
    maps: MapSet,
    regions: Sequence[list[Region]],
    annotations: Annotations,
    canvases: Canvases,
    attributes: pd.DataFrame,
    *,
    n_samples: int,
    seed: int,
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Score maps where fractures are annotated, and regions there and where there is no fracture.

    Parameters
    ----------
    regions
        Those of each map; the others are as for :func:`assess`.

    Returns
    -------
    figures : dict
        See :func:`pipeline.region_maps.scores.localize` and :func:`pipeline.region_maps.froc.score`; empty
        without annotations.
    tables : dict
        ``subgroups``, ``froc``, ``radiographs`` and ``marks``.
    """
    repeat = {"n_samples": n_samples, "seed": seed}
    is_annotated = references.is_annotated(maps, annotations)
    annotated = maps.where(is_annotated)
    drawn = references.collect(annotated, annotations, canvases(annotated.rows["path"]))
    located, table = scores.localize(annotated, drawn, **repeat)
    parts = subgroups.subgroups(table, attributes[is_annotated], **repeat)
    places = np.flatnonzero(references.is_usable(maps, annotations)).tolist()
    boxes, group = references.boxes(maps, annotations), maps.rows["group"].to_numpy()
    found, drawn_boxes = [regions[place] for place in places], [boxes[place] for place in places]
    marked, curve = froc.score(found, drawn_boxes, group[places], **repeat)
    rows = maps.rows.loc[places, ["path", "group"]].assign(fractures=[len(own) for own in drawn_boxes])
    scored = table.drop(columns="group", errors="ignore").assign(path=annotated.rows["path"])
    return located | marked, {
        "subgroups": parts,
        "froc": curve,
        "radiographs": rows.merge(scored, how="left", on="path"),
        "marks": froc.tabulate(found, drawn_boxes, rows["path"].tolist()),
    }
