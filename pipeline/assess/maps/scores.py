"""The figures of region maps over a set of radiographs: localization, and faithfulness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.assess import intervals
from pipeline.assess.maps import deletion, erasing, localization, pointing
from pipeline.assess.maps.asking import Map, Predict


@dataclass(frozen=True)
class Reference:
    """What is annotated on one fractured radiograph.

    Attributes
    ----------
    boxes
        (K, 4), row, column, height and width in pixels.
    mask
        (H, W) bool: the polygons, or the boxes where there are none.
    group
        Duplicate group, or patient.
    """

    boxes: NDArray[np.float64]
    mask: Callable[[], NDArray[np.bool_]]
    group: str


def localize(
    maps: Callable[[], Iterable[Map]], references: Sequence[Reference], *, n_samples: int, seed: int
) -> dict[str, Any]:
    """Score the maps of annotated, fractured radiographs, beside the random and the centre baseline.

    Parameters
    ----------
    maps : callable
        Yields the maps (H, W), 0..1, in the references' order, each time it is called: so only
        one is in memory.
    references : sequence of N Reference
    n_samples, seed : int
        Resamples of the groups, and where their random numbers start.

    Returns
    -------
    dict
        ``annotated``; ``pointing_game``, ``pointing_game_tolerant`` (within 2 % of the longer side)
        and ``energy_in_box`` with ``_low`` and ``_high``; ``pointing_game_random``,
        ``pointing_game_center``, ``max_box_acc`` by IoU, ``pixel_average_precision``.
    """
    boxes = [reference.boxes for reference in references]
    looked = [_look(region_map, own) for region_map, own in zip(maps(), boxes, strict=True)]
    shapes = [look["shape"] for look in looked]
    columns = {
        "pointing_game": np.array([look["hit"] for look in looked], float),
        "pointing_game_tolerant": np.array([look["near"] for look in looked], float),
        "energy_in_box": np.array([look["energy"] for look in looked], float),
    }
    summary = intervals.summarize(
        lambda weight: {name: float(np.average(values, weights=weight)) for name, values in columns.items()},
        np.array([reference.group for reference in references]),
        n_samples=n_samples,
        seed=seed,
    )
    box_acc = localization.max_box_acc(maps(), boxes)
    return {
        "annotated": len(references),
        **summary,
        "pointing_game_random": float(pointing.pointing_game_random(boxes, shapes).mean()),
        "pointing_game_center": float(pointing.pointing_game_center(boxes, shapes).mean()),
        "max_box_acc": {f"iou_{wanted:g}": share for wanted, share in box_acc.items()},
        "pixel_average_precision": localization.pixel_average_precision(
            maps(), (reference.mask() for reference in references)
        ),
    }


def probe_faithfulness(
    radiographs: Iterable[tuple[NDArray[np.uint8], Map]],
    predict: Predict,
    *,
    threshold: float,
    steps: int,
    cell_px: int,
    seed: int,
) -> dict[str, float]:
    """Ask the classifier again without what the maps show; means over radiographs.

    Parameters
    ----------
    radiographs : iterable of (pixels, map) pairs
        uint8 (H, W) and float (H, W), 0..1, both on the canvas.
    predict : callable
        From uint8 (B, H, W) to probabilities (B,).
    threshold : float
        Where the region to erase begins; a map that stays below loses its top percent of pixels.
    steps, cell_px, seed : int
        See :func:`pipeline.assess.maps.deletion.deletion_insertion`.

    Returns
    -------
    dict
        ``deletion_auc``, ``insertion_auc``, ``random_deletion_auc``, ``erase_drop``,
        ``erase_drop_control``; NaN where there is no radiograph, or every map shows everything.
    """
    names = ("deletion_auc", "insertion_auc", "random_deletion_auc", "erase_drop", "erase_drop_control")
    answers = []
    for position, (pixels, region_map) in enumerate(radiographs):
        own_seed = seed + position  # or all radiographs would share one random order
        shown = region_map >= min(threshold, float(np.quantile(region_map, 0.99)))
        answer = deletion.deletion_insertion(
            pixels, region_map, predict, steps=steps, cell_px=cell_px, seed=own_seed
        )
        if not shown.all():  # a map that shows everything leaves no rim to paint from
            answer |= erasing.erase_drops(pixels, shown, predict, seed=own_seed)
        answers.append(answer)
    return {name: _mean([answer.get(name, float("nan")) for answer in answers]) for name in names}


def _mean(values: Sequence[float]) -> float:
    """Mean of the values that are numbers; NaN where there are none."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _look(region_map: Map, boxes: NDArray[np.float64]) -> dict[str, Any]:
    """Score one map against its own radiograph's boxes."""
    peaks = [pointing.peak(region_map)]
    tolerance = 0.02 * max(region_map.shape)
    return {
        "shape": region_map.shape,
        "hit": pointing.pointing_game(peaks, [boxes])[0],
        "near": pointing.pointing_game(peaks, [boxes], tolerance_px=tolerance)[0],
        "energy": pointing.energy_in_box(region_map, boxes),
    }
