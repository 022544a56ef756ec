"""How regions are cut from a map, and how that is chosen on validation radiographs.

Candidates are cut around the strongest peaks, however weak; those from a threshold on are shown. With
annotations, the reach of a region, its smallest area and the threshold are those whose boxes agree best
with the annotated ones; without, a rule that needs none stands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeVar

import numpy as np
from scipy.special import logit

from pipeline.predict.boxes import Boxes, iou
from pipeline.predict.calibration import Calibration
from pipeline.predict.head_boxes import Cells, extract_boxes
from pipeline.predict.regions import Region, extract_regions
from pipeline.types import BoolArray, Float64Array, FloatArray, Int64Array

Candidates = Sequence[Sequence[Region]]
Way = TypeVar("Way")  # to find regions: what is chosen between

PEAK_SHARES = (0.0005, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35)
AREA_SHARES = (0.0, 0.0002, 0.0005, 0.001, 0.002)
BOX_SHARES = (0.05, 0.2, 0.5, 1.0)  # of a peak's odds, down to which cells' boxes are averaged
MAX_OVERLAPS = (0.1, 0.3, 0.5)  # of two boxes of the network that are both kept
PEAK_SHARE = 0.1  # without annotations: a region reaches down to a tenth of its peak's odds
CANDIDATE_THRESHOLD = 0.001
OVERLAPS = 0.1  # IoU from which on a region is said to overlap a fracture
FALSE_MARKS = 1.0  # regions that a radiograph without a fracture shows at the sensitive threshold, on average


@dataclass(frozen=True)
class RegionSettings:
    """How regions are cut from a map, and which are shown.

    Attributes
    ----------
    map_threshold
        Peak from which on a region counts: the specific operating point.
    min_area_share
        Smaller regions are dropped; a share of the radiograph.
    max_regions
        Only the strongest are kept.
    sensitive_threshold
        Peak from which on a region is shown at all; by default ``map_threshold``.
    candidate_threshold
        Peak from which on a region is written; by default ``map_threshold``.
    peak_share
        How far down a region reaches, as a share of its peak's odds; 0: down to ``candidate_threshold``.
    valley_share
        How far the odds must fall between two peaks, as a share of the lower one's, for each to have a
        region; 0: as far as a region reaches.
    score_slope, score_intercept
        From the logit of a region's strength to that of the probability that it overlaps a fracture.
    min_score
        Score from which on a region is shown; 0: whatever its score.
    max_area_share
        Regions with a larger box are not shown; a share of the radiograph.
    max_overlap
        Regions are the network's own boxes (:mod:`pipeline.predict.head_boxes`), no two of which overlap by
        more than this IoU; 0: they are cut from the map.
    weigh_agreement
        The strength of such a box is its peak times the agreement of the cells inside; else its peak.
    """

    map_threshold: float
    min_area_share: float
    max_regions: int
    sensitive_threshold: float | None = None
    candidate_threshold: float | None = None
    peak_share: float = 0.0
    valley_share: float = 0.0
    score_slope: float = 1.0
    score_intercept: float = 0.0
    min_score: float = 0.0
    max_area_share: float = 1.0
    max_overlap: float = 0.0
    weigh_agreement: bool = False

    @property
    def calibration(self) -> Calibration:
        """From the logit of a region's strength to its score."""
        return Calibration(self.score_slope, self.score_intercept)

    def candidates(self, region_map: FloatArray, cells: Cells | None = None) -> list[Region]:
        """Find all regions of a map (H, W), 0..1, and score them; the strongest first.

        They are boxes of the cells where there are such and ``max_overlap`` asks for them.
        """
        regions = self._boxes(region_map, cells) if cells and self.max_overlap else self._cut(region_map)
        scores = self.calibration.probability(strength_logits(regions))
        return [replace(region, score=float(score)) for region, score in zip(regions, scores, strict=True)]

    def visible_regions(self, region_map: FloatArray, cells: Cells | None = None) -> list[Region]:
        """Find the regions that are shown; the strongest first."""
        return self.visible(self.candidates(region_map, cells), region_map.size)

    def visible(self, candidates: Sequence[Region], size_px: int) -> list[Region]:
        """Select those of a radiograph of ``size_px`` pixels that stand out, and are shown.

        They reach the sensitive operating point and the lowest score, and are not too large.
        """
        lowest = self.map_threshold if self.sensitive_threshold is None else self.sensitive_threshold
        largest = self.max_area_share * size_px
        return [
            region
            for region in candidates
            if region.evidence >= lowest
            and region.score >= self.min_score
            and region.height_px * region.width_px <= largest
        ]

    def _cut(self, region_map: FloatArray) -> list[Region]:
        return extract_regions(
            region_map,
            self._lowest,
            peak_share=self.peak_share,
            valley_share=self.valley_share,
            min_area_px=max(1, round(self.min_area_share * region_map.size)),
            max_regions=self.max_regions,
        )

    def _boxes(self, region_map: FloatArray, cells: Cells) -> list[Region]:
        return extract_boxes(
            cells,
            region_map,
            self._lowest,
            peak_share=self.peak_share,
            valley_share=self.valley_share,
            max_overlap=self.max_overlap,
            max_regions=self.max_regions,
            weigh_agreement=self.weigh_agreement,
        )

    @property
    def _lowest(self) -> float:
        """Peak from which on there are regions."""
        return self.map_threshold if self.candidate_threshold is None else self.candidate_threshold

    def is_sure(self, region: Region) -> bool:
        """Whether a region reaches the specific operating point."""
        return region.evidence >= self.map_threshold


@dataclass(frozen=True)
class Validation:
    """N validation radiographs that choose: annotated fractures, and radiographs without one.

    Attributes
    ----------
    boxes
        The annotated boxes of each, (K, 4); K = 0 for no fracture.
    size_px
        (N,) pixels of each.
    weight
        (N,) how much each counts; 1 / (size of its group) makes a group count as one.
    """

    boxes: Sequence[Boxes]
    size_px: Int64Array
    weight: Float64Array

    @property
    def unfractured(self) -> BoolArray:
        """Which have no fracture: bool (N,)."""
        return np.array([not len(own) for own in self.boxes], bool)


def strength_logits(regions: Sequence[Region]) -> Float64Array:
    """Logit of each region's strength, kept finite: float64 (M,)."""
    return np.asarray(logit(np.clip([region.strength for region in regions], 1e-6, 1 - 1e-6)), np.float64)


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


def average_precision(candidates: Candidates, val: Validation, least: float) -> float:
    """Average precision, 0..1, of regions that hit a fracture from an IoU of ``least`` on.

    Parameters
    ----------
    candidates
        Regions of N radiographs, of each the strongest first.
    val
        The radiographs, of which at least one has a fracture.
    """
    strength = np.array([region.strength for own in candidates for region in own])
    order = np.argsort(-strength, kind="stable")
    counts = np.repeat(val.weight, [len(own) for own in candidates])[order]
    hits = counts * (overlaps_of_all(candidates, val.boxes, least)[order] > 0)
    precision = np.cumsum(hits) / np.cumsum(counts)
    highest = np.maximum.accumulate(precision[::-1])[::-1]  # at this recall or a greater one
    return float(highest @ hits / (val.weight @ [len(own) for own in val.boxes]))


def overlaps(regions: Sequence[Region], boxes: Boxes, least: float = 0.0) -> Float64Array:
    """IoU of each region's box with the annotated box that is left for it, the strongest first: (M,).

    A box is left until a region overlaps it by ``least`` or more; what overlaps by less has 0.
    """
    matched = np.zeros(len(regions))
    if not len(regions) or not len(boxes):
        return matched
    table = iou(np.array([region.box for region in regions]), boxes)
    table[table < least] = 0
    for position in range(len(regions)):
        match = int(table[position].argmax())
        matched[position] = table[position, match]
        if matched[position] > 0:
            table[:, match] = 0
    return matched


def overlaps_of_all(candidates: Candidates, boxes: Sequence[Boxes], least: float = 0.0) -> Float64Array:
    """Those of the regions of N radiographs, one after another: (M,)."""
    pairs = zip(candidates, boxes, strict=True)
    return np.concatenate([np.empty(0), *(overlaps(*own, least) for own in pairs)])


def _best_threshold(candidates: Candidates, val: Validation) -> tuple[float, float]:
    """Threshold of the highest agreement, and that agreement."""
    peaks = np.array([region.evidence for own in candidates for region in own])
    counts = np.repeat(val.weight, [len(own) for own in candidates])
    overlap = overlaps_of_all(candidates, val.boxes)
    if not len(peaks):
        return 1.0, 0.0
    order = np.argsort(-peaks, kind="stable")
    n_annotated = float(val.weight @ [len(own) for own in val.boxes])
    n_regions = np.cumsum(counts[order])
    agreement = 2 * np.cumsum((counts * overlap)[order]) / (n_regions + n_annotated)
    agreement[np.append(peaks[order][1:] == peaks[order][:-1], False)] = -1  # equal peaks enter together
    place = int(agreement.argmax())
    return float(peaks[order][place]), float(agreement[place])
