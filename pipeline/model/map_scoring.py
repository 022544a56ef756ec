"""Maps of a set of radiographs against its annotations, and against the network itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.assess import calibration, faithfulness, localization, map_scores, regions
from pipeline.data.annotations import Annotations, Region, mask
from pipeline.model import classifier
from pipeline.model.maps import MapSet


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


def localize(found: MapSet, known: Annotations, *, n_samples: int, seed: int) -> dict[str, Any]:
    """Score the maps of fractured, annotated radiographs; nothing where there are none."""
    annotated = found.where(is_annotated(found, known))
    if not len(annotated):
        return {}
    draw = _mask(annotated, known)
    references = [
        map_scores.Reference(boxes(known.for_path(row.path)), lambda i=i: draw(i), str(row.group))
        for i, row in enumerate(annotated.rows.itertuples())
    ]
    return map_scores.localize(lambda: annotated, references, n_samples=n_samples, seed=seed)


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
        return calibration.apply_temperature(ask(batch)[0], found.temperature)

    answers = map_scores.probe_faithfulness(
        zip(seen, on_canvas, strict=True),
        probability,
        threshold=threshold,
        steps=steps,
        cell_px=2 * classifier.STRIDE,
        seed=seed,
    )
    untaught = classifier.predictor(classifier.with_random_weights(model, seed))
    others = [untaught(pixels[None])[1][0] for pixels in seen]
    alike = [faithfulness.rank_correlation(own, other) for own, other in zip(grids, others, strict=True)]
    return answers | {"randomization_correlation": float(np.mean(alike)) if alike else float("nan")}


def is_annotated(found: MapSet, known: Annotations) -> NDArray[np.bool_]:
    """Which radiographs are fractured and have an annotation: bool (N,)."""
    has_regions = found.rows["path"].map(lambda path: bool(known.for_path(path))).to_numpy(bool)
    return np.asarray(has_regions & found.rows["fractured"].to_numpy(bool))


def on_target(found: MapSet, known: Annotations) -> list[bool | None]:
    """Whether each map's peak lies in an annotated box; None where nothing is annotated."""
    annotated = is_annotated(found, known)
    return [
        bool(localization.pointing_game([localization.peak(region_map)], [boxes(known.for_path(path))])[0])
        if known_here
        else None
        for region_map, path, known_here in zip(found, found.rows["path"], annotated, strict=True)
    ]


def boxes(drawn: list[Region]) -> NDArray[np.float64]:
    """Row, column, height and width of each annotated region: (K, 4)."""
    return np.array([(top, left, height, width) for left, top, width, height in (r.bbox for r in drawn)])


def _mask(found: MapSet, known: Annotations):  # type: ignore[no-untyped-def]
    """Return a function from a position to its annotated pixels, so that one mask is held at a time."""

    def draw(position: int) -> NDArray[np.bool_]:
        placement = found.placements[position]
        drawn = known.for_path(str(found.rows["path"].iloc[position]))
        return mask(drawn, placement.height_px, placement.width_px)

    return draw
