"""What is tried of the ways to cut regions, and which is chosen on validation radiographs.

With annotations, the reach of a region, its smallest area and the threshold are those whose boxes agree best
with the annotated ones; without, a rule that needs none stands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TypeVar

import numpy as np

from pipeline.region_maps import matching
from pipeline.region_maps.matching import Candidates, Validation
from pipeline.types import Float64Array, FloatArray

Way = TypeVar("Way")  # to find regions: what is chosen between

PEAK_SHARES = (0.0005, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35)
AREA_SHARES = (0.0, 0.0002, 0.0005, 0.001, 0.002)
BOX_SHARES = (0.05, 0.2, 0.5, 1.0)  # of a peak's odds, down to which cells' boxes are averaged
MAX_OVERLAPS = (0.1, 0.3, 0.5)  # of two boxes of the network that are both kept
PEAK_SHARE = 0.1  # without annotations: a region reaches down to a tenth of its peak's odds
CANDIDATE_THRESHOLD = 0.001
FALSE_MARKS = 1.0  # regions that a radiograph without a fracture shows at the sensitive threshold, on average


def choose_cut(
    candidates: Mapping[Way, Candidates], val: Validation, area_shares: Sequence[float] = AREA_SHARES
) -> tuple[Way, float, float, float]:
    """Choose a way to find regions, their smallest area and their threshold by the agreement of boxes.

    Agreement is Dice's: twice the overlap (IoU, in place of a hit) of matched boxes, over the number of
    regions and of annotated boxes. Regions on radiographs without a fracture count as false. Of equal
    choices the first is taken.

    Parameters
    ----------
    candidates
        For each way, such as a share of the peak's odds, the regions of N radiographs, whatever their area.
    val
        The radiographs.
    area_shares
        What is tried as the smallest area, a share of the radiograph.

    Returns
    -------
    tuple
        The way, smallest area as a share of the radiograph, map threshold, agreement 0..1.
    """
    best = (next(iter(candidates)), 0.0, 1.0, -1.0)
    for share, area in product(candidates, area_shares):
        large_enough = [
            [region for region in own if region.area_px >= area * size]
            for own, size in zip(candidates[share], val.size_px, strict=True)
        ]
        threshold, agreement = _best_threshold(large_enough, val)
        if agreement > best[3] + 1e-9:
            best = (share, area, threshold, agreement)
    return best


def map_threshold_from_unfractured(maxima: FloatArray, *, false_region_share: float = 0.1) -> float:
    """Lowest threshold at which at most this share of radiographs without a fracture shows a region.

    Parameters
    ----------
    maxima : float ndarray of shape (N,)
        Maximum of the map of each validation radiograph that is not fractured.
    false_region_share : float
        Allowed share, in 0..1.

    Returns
    -------
    float
        Just above one of the maxima, as float32, so that it stays above it in a float32 map.

    Raises
    ------
    ValueError
        There is no radiograph.
    """
    descending = np.sort(np.asarray(maxima, dtype=np.float32))[::-1]
    if not descending.size:
        raise ValueError("a threshold needs the maps of radiographs that are not fractured. Received: none")
    allowed = min(int(false_region_share * descending.size + 1e-9), descending.size - 1)
    return float(np.nextafter(descending[allowed], np.float32(np.inf)))


def threshold_at_false_marks(
    candidates: Candidates, weight: Float64Array, *, false_marks: float = FALSE_MARKS
) -> float:
    """Lowest peak at which radiographs without a fracture show no more than so many regions on average.

    Parameters
    ----------
    candidates
        Regions of N radiographs without a fracture.
    weight : ndarray of shape (N,)
        How much each counts.
    false_marks : float
        Allowed regions a radiograph.

    Returns
    -------
    float
        Just above a peak that would be one too many; 0 where all are allowed.
    """
    peaks = np.array([region.evidence for own in candidates for region in own])
    counts = np.repeat(weight, [len(own) for own in candidates])
    order = np.argsort(-peaks, kind="stable")
    too_many = np.cumsum(counts[order]) > false_marks * weight.sum() + 1e-9
    return (
        float(np.nextafter(np.float32(peaks[order][too_many.argmax()]), np.float32(2)))
        if too_many.any()
        else 0.0
    )


def _best_threshold(candidates: Candidates, val: Validation) -> tuple[float, float]:
    """Threshold of the highest agreement, and that agreement."""
    peaks = np.array([region.evidence for own in candidates for region in own])
    counts = np.repeat(val.weight, [len(own) for own in candidates])
    overlap = matching.overlaps_of_all(candidates, val.boxes)
    if not len(peaks):
        return 1.0, 0.0
    order = np.argsort(-peaks, kind="stable")
    n_annotated = float(val.weight @ [len(own) for own in val.boxes])
    n_regions = np.cumsum(counts[order])
    agreement = 2 * np.cumsum((counts * overlap)[order]) / (n_regions + n_annotated)
    agreement[np.append(peaks[order][1:] == peaks[order][:-1], False)] = -1  # equal peaks enter together
    place = int(agreement.argmax())
    return float(peaks[order][place]), float(agreement[place])
