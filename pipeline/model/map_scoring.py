"""Maps of a set of radiographs against its annotations, and against the network itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.assess import operating_points
from pipeline.assess.calibration import Calibration
from pipeline.assess.maps import pointing, randomization, regions, scores
from pipeline.assess.operating_points import OperatingPoints
from pipeline.config import RegionMaps
from pipeline.data.annotations import Annotations, Region, mask
from pipeline.data.canvas import Placement
from pipeline.model import classifier
from pipeline.model.maps import MapSet


def survey(
    rows: pd.DataFrame,
    answers: tuple[NDArray[np.float32], NDArray[np.float32]],
    placements: Sequence[Placement],
    *,
    canvas_shape: tuple[int, int],
    points: OperatingPoints,
    calibration: Calibration,
) -> MapSet:
    """Join what the network said of N radiographs with what is known of them, and decide.

    Parameters
    ----------
    rows
        ``path``, ``group`` and ``fractured`` of each radiograph.
    answers
        Logits (N,) and evidence (N, M', N').
    placements, canvas_shape
        Where each radiograph lies on the canvas, and the canvas's height and width in pixels.
    points, calibration
        From ``evaluate``, or from a bundle.
    """
    logits, evidence = answers
    y_score = calibration.probability(logits)
    table = rows[["path", "group", "fractured"]].reset_index(drop=True)
    judged = table.assign(y_score=y_score, decision=operating_points.decide(y_score, points))
    return MapSet(judged, evidence, placements, canvas_shape, calibration)


def choose_threshold(val: MapSet, known: Annotations) -> float:
    """Choose the map threshold on ``val``.

    With annotations, the one whose regions cover the annotated areas best; without, the lowest
    one at which a tenth of the radiographs without a fracture would show a region.
    """
    annotated = val.where(is_annotated(val, known))
    if len(annotated):
        return regions.choose_map_threshold(annotated, map(_mask(annotated, known), range(len(annotated))))
    sound = val.where(~val.rows["fractured"].to_numpy(bool))
    return regions.map_threshold_from_unfractured(np.array([region_map.max() for region_map in sound]))


def score(
    model: keras.Model,
    found: MapSet,
    known: Annotations,
    canvases: Callable[[Iterable[str]], Iterator[NDArray[np.uint8]]],
    settings: RegionMaps,
    *,
    threshold: float,
    n_samples: int,
    seed: int,
) -> dict[str, Any]:
    """Localization where there are annotations; faithfulness on the likeliest fractures.

    Parameters
    ----------
    model, found
        The classifier, and the maps that it drew.
    known
        Annotations of all radiographs, checked.
    canvases
        From paths to what the network saw of them, uint8 (H, W) each.
    settings
        How many radiographs are asked about again, and in how many steps.
    threshold
        Where a region begins.
    n_samples, seed
        Resamples of the groups, and where random numbers start.
    """
    located = localize(found, known, n_samples=n_samples, seed=seed)
    likeliest = found.rows["y_score"].rank(method="first", ascending=False).to_numpy()
    probed = found.where(likeliest <= settings.faithfulness_radiographs)
    seen = canvases(probed.rows["path"])
    steps = settings.faithfulness_steps
    return located | probe(model, probed, seen, threshold=threshold, steps=steps, seed=seed)


def localize(found: MapSet, known: Annotations, *, n_samples: int, seed: int) -> dict[str, Any]:
    """Score the maps of fractured, annotated radiographs; nothing where there are none."""
    annotated = found.where(is_annotated(found, known))
    if not len(annotated):
        return {}
    draw = _mask(annotated, known)
    references = [
        scores.Reference(boxes(known.for_path(row.path)), partial(draw, i), str(row.group))
        for i, row in enumerate(annotated.rows.itertuples())
    ]
    return scores.localize(lambda: annotated, references, n_samples=n_samples, seed=seed)


def probe(
    model: keras.Model,
    found: MapSet,
    canvases: Iterator[NDArray[np.uint8]],
    *,
    threshold: float,
    steps: int,
    seed: int,
) -> dict[str, float]:
    """Ask whether the decision uses what the maps show, and whether the maps show what was learnt.

    Parameters
    ----------
    model
        The classifier that drew the maps.
    found, canvases
        Maps and, in the same order, what the network saw.
    threshold
        Where a region begins.
    steps, seed
        Steps of deletion and insertion, and where random numbers start.

    Returns
    -------
    dict
        ``deletion_auc``, ``insertion_auc``, ``random_deletion_auc``, ``erase_drop``,
        ``erase_drop_control``, ``randomization_correlation``.
    """
    seen = list(canvases)
    grids = [found.on_grid(position) for position in range(len(found))]
    on_canvas = [found.on_canvas(position) for position in range(len(found))]
    ask = classifier.predictor(model)

    def probability(batch: NDArray[np.uint8]) -> NDArray[np.float64]:
        return found.calibration.probability(ask(batch)[0])

    answers = scores.probe_faithfulness(
        zip(seen, on_canvas, strict=True),
        probability,
        threshold=threshold,
        steps=steps,
        cell_px=2 * classifier.STRIDE,
        seed=seed,
    )
    untaught = classifier.predictor(classifier.with_random_weights(model, seed))
    others = [untaught(pixels[None])[1][0] for pixels in seen]
    alike = [randomization.rank_correlation(own, other) for own, other in zip(grids, others, strict=True)]
    return answers | {"randomization_correlation": float(np.mean(alike)) if alike else float("nan")}


def is_annotated(found: MapSet, known: Annotations) -> NDArray[np.bool_]:
    """Which radiographs are fractured and have an annotation: bool (N,)."""
    has_regions = found.rows["path"].map(lambda path: bool(known.for_path(path))).to_numpy(bool)
    return np.asarray(has_regions & found.rows["fractured"].to_numpy(bool))


def on_target(found: MapSet, known: Annotations) -> list[bool | None]:
    """Whether each map's peak lies in an annotated box; None where nothing is annotated."""
    annotated = is_annotated(found, known)
    return [
        bool(pointing.pointing_game([pointing.peak(region_map)], [boxes(known.for_path(path))])[0])
        if known_here
        else None
        for region_map, path, known_here in zip(found, found.rows["path"], annotated, strict=True)
    ]


def coco_results(found: MapSet, cut: Sequence[list[regions.Region]], known: Annotations) -> str:
    """Write the regions of all radiographs as COCO results, with the image ids of the annotations."""
    results = [
        result
        for path, own in zip(found.rows["path"], cut, strict=True)
        for result in regions.to_coco_results(own, known.image_id(path))
    ]
    return json.dumps(results, indent=1) + "\n"


def boxes(drawn: list[Region]) -> NDArray[np.float64]:
    """Row, column, height and width of each annotated region: (K, 4)."""
    return np.array([(top, left, height, width) for left, top, width, height in (r.bbox for r in drawn)])


def _mask(found: MapSet, known: Annotations) -> Callable[[int], NDArray[np.bool_]]:
    """Return a function from a position to its annotated pixels, so that one mask is held at a time."""

    def draw(position: int) -> NDArray[np.bool_]:
        placement = found.placements[position]
        drawn = known.for_path(str(found.rows["path"].iloc[position]))
        return mask(drawn, placement.height_px, placement.width_px)

    return draw
