"""Maps of a set of radiographs against its annotations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.dataset.annotations import Annotations, mask
from pipeline.dataset.annotations import Region as Annotation
from pipeline.network.inference import NetworkOutput
from pipeline.predict import cutting, operating_points, regions
from pipeline.predict.calibration import Calibration
from pipeline.predict.maps import MapSet
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.regions import Region
from pipeline.preprocess.canvas import Placement
from pipeline.region_maps import froc, pointing, scores, subgroups
from pipeline.statistics import metrics

Canvases = Callable[[Iterable[str]], Iterator[NDArray[np.uint8]]]

NO_BOXES: NDArray[np.float64] = np.empty((0, 4))


def survey(
    rows: pd.DataFrame,
    output: NetworkOutput,
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
    output
        Of the network, for all of them.
    placements, canvas_shape
        Where each radiograph lies on the canvas, and the canvas's height and width in pixels.
    points, calibration
        From ``evaluate``, or from a bundle.
    """
    y_score = calibration.probability(output.logits)
    table = rows[["path", "group", "fractured"]].reset_index(drop=True)
    judged = table.assign(y_score=y_score, decision=operating_points.decide(y_score, points))
    return MapSet(judged, output.evidence, placements, canvas_shape, calibration)


def localize(
    found: MapSet,
    known: Annotations,
    canvases: Canvases,
    attributes: pd.DataFrame,
    *,
    n_samples: int,
    seed: int,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Score the maps of fractured, annotated radiographs; nothing where there are none.

    Parameters
    ----------
    found, known
        The maps, and annotations of all radiographs, checked.
    canvases
        From paths to what the network saw of them, uint8 (H, W) each.
    attributes
        What is known of each radiograph of ``found``, as text: it makes subgroups.
    n_samples, seed
        Resamples of the groups, and where random numbers start.

    Returns
    -------
    figures : dict
        See :func:`pipeline.region_maps.scores.localize`.
    subgroups : DataFrame
        See :func:`pipeline.region_maps.subgroups.subgroups`.
    """
    chosen = is_annotated(found, known)
    annotated = found.where(chosen)
    if not len(annotated):
        return {}, pd.DataFrame(columns=subgroups.COLUMNS)
    references = _references(annotated, known, canvases(annotated.rows["path"]))
    table = scores.tabulate(annotated, references)
    figures = scores.localize(lambda: annotated, references, table, n_samples=n_samples, seed=seed)
    parts = subgroups.subgroups(table, attributes[chosen], n_samples=n_samples, seed=seed)
    return figures, parts


def mark(
    found: MapSet, cut: Sequence[list[Region]], known: Annotations, *, n_samples: int, seed: int
) -> tuple[dict[str, float], pd.DataFrame]:
    """Score regions as marks: the free-response figures, and their curve; nothing without annotations.

    Fractured radiographs without an annotation are left out: what is marked there is not known.
    """
    if not is_annotated(found, known).any():
        return {}, pd.DataFrame(columns=["threshold", "false_marks", "sensitivity"])
    places = np.flatnonzero(is_usable(found, known)).tolist()
    fractured = found.rows["fractured"].to_numpy(bool)
    paths = found.rows["path"].to_numpy()
    drawn = [boxes(known.for_path(paths[place])) if fractured[place] else NO_BOXES for place in places]
    marks = froc.collect([cut[place] for place in places], drawn)
    group = found.rows["group"].to_numpy()[places]
    figures = scores.free_response(marks, group, n_samples=n_samples, seed=seed)
    hits = [
        cutting.overlaps(cut[place], own) >= cutting.OVERLAPS
        for place, own in zip(places, drawn, strict=True)
    ]
    is_hit = np.concatenate(hits).astype(bool)
    figures["region_ece"] = metrics.ece(is_hit, marks.score) if len(is_hit) else float("nan")
    return figures, pd.DataFrame(froc.curve(marks))


def is_annotated(found: MapSet, known: Annotations) -> NDArray[np.bool_]:
    """Which radiographs are fractured and have an annotation: bool (N,)."""
    has_regions = found.rows["path"].map(lambda path: bool(known.for_path(path))).to_numpy(bool)
    return np.asarray(has_regions & found.rows["fractured"].to_numpy(bool))


def is_usable(found: MapSet, known: Annotations) -> NDArray[np.bool_]:
    """Which radiographs say where fractures are: annotated ones, and those without any. Bool (N,)."""
    return np.asarray(is_annotated(found, known) | ~found.rows["fractured"].to_numpy(bool))


def on_target(found: MapSet, known: Annotations) -> list[bool | None]:
    """Whether each map's peak lies in an annotated box; None where nothing is annotated."""
    annotated = is_annotated(found, known)
    return [
        bool(pointing.pointing_game([pointing.peak(region_map)], [boxes(known.for_path(path))])[0])
        if known_here
        else None
        for region_map, path, known_here in zip(found, found.rows["path"], annotated, strict=True)
    ]


def coco_results(found: MapSet, cut: Sequence[list[Region]], known: Annotations) -> str:
    """Write the regions of all radiographs as COCO results, with the image ids of the annotations."""
    results = [
        result
        for path, own in zip(found.rows["path"], cut, strict=True)
        for result in regions.to_coco_results(own, known.image_id(path))
    ]
    return json.dumps(results, indent=1) + "\n"


def boxes(drawn: list[Annotation]) -> NDArray[np.float64]:
    """Row, column, height and width of each annotated region: (K, 4)."""
    rows = [(top, left, height, width) for left, top, width, height in (one.bbox for one in drawn)]
    return np.array(rows, np.float64).reshape(-1, 4)


def _references(
    annotated: MapSet, known: Annotations, canvases: Iterable[NDArray[np.uint8]]
) -> list[scores.Reference]:
    """Say of each radiograph where it is fractured, and where its brightest bone is."""
    draw = _mask(annotated, known)
    return [
        scores.Reference(
            boxes(known.for_path(row.path)), partial(draw, place), str(row.group), _brightest(seen, placement)
        )
        for place, (row, seen, placement) in enumerate(
            zip(annotated.rows.itertuples(), canvases, annotated.placements, strict=True)
        )
    ]


def _brightest(seen: NDArray[np.uint8], placement: Placement) -> tuple[int, int]:
    """Where the brightest bone of a canvas lies in the radiograph."""
    centre = np.array([pointing.brightest(seen)], np.float64) + 0.5
    row, column = np.floor(placement.to_radiograph(centre)[0]).astype(int).tolist()
    return row, column


def _mask(found: MapSet, known: Annotations) -> Callable[[int], NDArray[np.bool_]]:
    """Return a function from a position to its annotated pixels, so that one mask is held at a time."""

    def draw(position: int) -> NDArray[np.bool_]:
        placement = found.placements[position]
        drawn = known.for_path(str(found.rows["path"].iloc[position]))
        return mask(drawn, placement.height_px, placement.width_px)

    return draw
