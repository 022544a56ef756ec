"""All that is measured of the maps of a set of radiographs: where they point, and whether to believe them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from pipeline.config import RegionMaps
from pipeline.dataset import annotations as reference
from pipeline.dataset.annotations import Annotations
from pipeline.network.inference import Predict
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.maps import MapSet
from pipeline.predict.regions import Region
from pipeline.region_maps import coco, faithfulness, methods, scoring
from pipeline.region_maps.scoring import Canvases

_CUT = ("map_threshold", "sensitive_threshold", "peak_share", "min_area_share")
_TABLES = ("subgroups", "methods")  # the others are curves


@dataclass(frozen=True)
class Assessment:
    """What came of it.

    Attributes
    ----------
    figures
        For ``metrics.json``.
    tables
        ``subgroups`` and ``methods``, and the curves ``froc``, ``deletion`` and ``randomization``; empty
        where nothing could be measured.
    candidates
        The regions of each radiograph, shown or not, the strongest first.
    coco_results
        The same as COCO results.
    """

    figures: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    candidates: Sequence[list[Region]]
    coco_results: str

    def texts(self) -> dict[str, str]:
        """Write the regions, the tables and the curves of the report folder: name to text."""
        named = {name if name in _TABLES else f"plots/{name}": table for name, table in self.tables.items()}
        return {"regions.coco.json": self.coco_results} | {
            f"{name}.csv": table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
            for name, table in named.items()
        }


def assess(
    model: keras.Model,
    predict: Predict,
    found: MapSet,
    known: Annotations,
    canvases: Canvases,
    attributes: pd.DataFrame,
    settings: RegionSettings,
    limits: RegionMaps,
    *,
    annotations_file: Path,
    n_samples: int,
    seed: int,
) -> Assessment:
    """Localization where there are annotations; faithfulness on the likeliest fractures.

    Parameters
    ----------
    model, predict, found
        The classifier, its predictor over test-time views, and the maps that came of it.
    known, annotations_file
        Annotations of all radiographs, checked, and the COCO file that holds them.
    canvases
        From paths to what the network saw of them, uint8 (H, W) each.
    attributes
        What is known of each radiograph of ``found``, as text: it makes subgroups.
    settings, limits
        How regions are cut, and how many radiographs are asked about again.
    n_samples, seed
        Resamples of the groups, and where random numbers start.
    """
    repeat: dict[str, int] = {"n_samples": n_samples, "seed": seed}
    candidates = [settings.candidates(region_map) for region_map in found]
    results = scoring.coco_results(found, candidates, known)
    located, subgroups = scoring.localize(found, known, canvases, attributes, **repeat)
    marked, froc = scoring.mark(found, candidates, known, **repeat)
    if located:
        usable = found.rows.loc[scoring.is_usable(found, known), "path"]
        ids = [known.image_id(path) for path in usable]
        marked |= coco.average_precision(reference.load_coco(annotations_file), json.loads(results), ids)
    likeliest = found.rows["y_score"].rank(method="first", ascending=False).to_numpy()
    probed = found.where(likeliest <= limits.faithfulness_radiographs)
    seen = list(canvases(probed.rows["path"]))
    probability = faithfulness.asker(predict, found.calibration)
    asked, deletion = faithfulness.probe(
        probability,
        probed,
        seen,
        threshold=settings.map_threshold,
        steps=limits.faithfulness_steps,
        **repeat,
    )
    forgotten, randomization = faithfulness.forget(model, probed, seen, **repeat)
    chosen = methods.sample(found, known, limits.methods_radiographs)
    beside = methods.compare(
        model,
        probability,
        chosen,
        list(canvases(chosen.rows["path"])),
        known,
        steps=limits.faithfulness_steps // 2,
        **repeat,
    )
    tables = {
        "subgroups": subgroups,
        "methods": beside,
        "froc": froc,
        "deletion": deletion,
        "randomization": randomization,
    }
    chosen_cut = {name: getattr(settings, name) for name in _CUT}
    return Assessment({**chosen_cut, **located, **marked, **asked, **forgotten}, tables, candidates, results)
