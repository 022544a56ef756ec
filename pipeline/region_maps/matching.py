"""Regions held against annotated boxes: which overlap a fracture, and how precise all of them are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.predict.boxes import Boxes, iou
from pipeline.predict.regions import Region
from pipeline.types import BoolArray, Float64Array, Int64Array

Candidates = Sequence[Sequence[Region]]  # of N radiographs, of each the strongest first

OVERLAPS = 0.1  # IoU from which on a region is said to overlap a fracture


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
