"""What a reader is shown: how many regions, and whether they lie on fractures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.dataset.annotations import Annotations
from pipeline.predict import operating_points
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.maps import MapSet
from pipeline.predict.regions import Region
from pipeline.region_maps import matching, references
from pipeline.statistics import intervals
from pipeline.types import Float64Array


def select(
    maps: MapSet, candidates: Sequence[Sequence[Region]], settings: RegionSettings
) -> list[list[Region]]:
    """Select the regions that are shown of each radiograph; of a cleared one none."""
    return [
        []
        if decision == operating_points.NO_FINDING
        else settings.visible(own, place.height_px * place.width_px)
        for own, place, decision in zip(candidates, maps.placements, maps.rows["decision"], strict=True)
    ]


def score(
    maps: MapSet, shown: Sequence[Sequence[Region]], annotations: Annotations, *, n_samples: int, seed: int
) -> dict[str, float]:
    """Score what is shown.

    Parameters
    ----------
    maps
        Of N radiographs.
    shown
        The regions that are shown of each, the strongest first.
    annotations
        Of all radiographs, checked.
    n_samples, seed
        Resamples of the groups, and where random numbers start.

    Returns
    -------
    dict of str to float
        Each with ``_low`` and ``_high``; NaN without a radiograph of the kind. ``shown_regions_fractured``
        and ``shown_regions_unfractured``, regions a radiograph; ``no_region_stands_out``, the share without
        one of the radiographs that are not cleared. Where fractures are annotated, ``shown_overlapping``,
        the share of these regions that overlap a fracture, and ``shown_on_fracture``, the share of the
        annotated radiographs with such a region.
    """
    boxes, fractured = references.boxes(maps, annotations), maps.rows["fractured"].to_numpy(bool)
    is_annotated, is_usable = (
        test(maps, annotations) for test in (references.is_annotated, references.is_usable)
    )
    asked = (maps.rows["decision"] != operating_points.NO_FINDING).to_numpy(bool)
    count = np.array([len(own) for own in shown])
    hits = np.array(
        [(matching.overlaps(*own) >= matching.OVERLAPS).sum() for own in zip(shown, boxes, strict=True)]
    )
    shares = {
        "shown_regions_fractured": (count * fractured, fractured),
        "shown_regions_unfractured": (count * ~fractured, ~fractured),
        "no_region_stands_out": (asked & (count == 0), asked),
    }
    if is_annotated.any():
        shares["shown_overlapping"] = (hits * is_usable, count * is_usable)
        shares["shown_on_fracture"] = ((hits > 0) & is_annotated, is_annotated)

    def statistics(weight: Float64Array) -> dict[str, float]:
        return {
            name: float(weight @ part / (weight @ whole)) if weight @ whole > 0 else np.nan
            for name, (part, whole) in shares.items()
        }

    return intervals.summarize(
        statistics, maps.rows["group"].to_numpy(), fractured, n_samples=n_samples, seed=seed
    )
