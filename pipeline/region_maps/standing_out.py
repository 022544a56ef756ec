"""Which regions say something: how likely, and how small, a region must be to be shown; chosen on ``val``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.predict.boxes import Boxes, iou
from pipeline.region_maps import matching
from pipeline.region_maps.matching import Candidates, Validation

BETA = 3.0  # a fracture that no region marks costs as much as BETA ** 2 regions that mark none
HALF = 0.5  # of the radiograph: a region so large points at nothing
_PLACES = 100  # that a region is moved to, down and across

Crop = tuple[int, int, int, int]


def largest_area(val: Validation) -> float:
    """Largest box of a region that may be shown, as a share of the radiograph: half of it, or less.

    A larger one could not overlap (:data:`pipeline.region_maps.matching.OVERLAPS`) even the largest annotated
    fracture, if that lay inside.
    """
    shares = [
        float(height * width / size)
        for boxes, size in zip(val.boxes, val.size_px, strict=True)
        for _, _, height, width in boxes
    ]
    return min(HALF, max(shares) / matching.OVERLAPS) if shares else HALF


def lowest_score(shown: Candidates, val: Validation, crops: Sequence[Crop]) -> float:
    """Score from which on a region is worth showing, in 0..1.

    One more region of probability p raises the F-measure F of what is shown exactly where
    (1 + beta ** 2) p > F. So the best F-measure on ``val``, over 1 + beta ** 2, is the threshold of scores
    that are probabilities: with a beta of 3 never above 0.1. It depends less on single regions than the
    score at which F is best. It is never below :func:`share_by_chance`.

    Parameters
    ----------
    shown
        Regions of N radiographs that are shown whatever their score, the strongest first.
    val
        The radiographs, of which at least one has a fracture.
    crops
        Row, column, height and width of what is exposed of each.

    References
    ----------
    Ye, Chai, Lee and Chieu, Optimizing F-measures: a tale of two approaches, ICML 2012.
    https://doi.org/10.48550/arXiv.1206.4625
    Lipton, Elkan and Naryanaswamy, Optimal thresholding of classifiers to maximize F1 measure, ECML PKDD
    2014. https://doi.org/10.1007/978-3-662-44851-9_15
    """
    return max(best_f_measure(shown, val) / (1 + BETA**2), share_by_chance(shown, val, crops))


def best_f_measure(shown: Candidates, val: Validation) -> float:
    """Highest F-measure of regions as marks of fractures, over all thresholds of their scores; 0 without any.

    Parameters
    ----------
    shown, val
        As for :func:`lowest_score`. A region and a fracture that overlap count once.
    """
    score = np.array([region.score for own in shown for region in own])
    counts = np.repeat(val.weight, [len(own) for own in shown])
    hit = counts * (matching.overlaps_of_all(shown, val.boxes) >= matching.OVERLAPS)
    order = np.argsort(-score, kind="stable")
    n_fractures = float(val.weight @ [len(own) for own in val.boxes])
    measure = (1 + BETA**2) * np.cumsum(hit[order]) / (BETA**2 * n_fractures + np.cumsum(counts[order]))
    last = np.append(score[order][1:] != score[order][:-1], True)[: len(score)]  # equal scores enter together
    return float(max(measure[last], default=0.0))


def share_by_chance(shown: Candidates, val: Validation, crops: Sequence[Crop]) -> float:
    """Share of the regions that would overlap a fracture if each lay anywhere on its radiograph; 0..1."""
    chances = [
        overlap_by_chance((region.height_px, region.width_px), boxes, crop)
        for own, boxes, crop in zip(shown, val.boxes, crops, strict=True)
        for region in own
    ]
    counts = np.repeat(val.weight, [len(own) for own in shown])
    return float(np.average(chances, weights=counts)) if chances else 0.0


def overlap_by_chance(size: tuple[int, int], boxes: Boxes, crop: Crop) -> float:
    """Probability that a box at an even chance of any place inside the crop overlaps an annotated one.

    Parameters
    ----------
    size
        Height and width of the box in pixels; none larger than the crop's.
    boxes
        (K, 4), the annotated ones.
    crop
        Row, column, height and width.
    """
    if not len(boxes):
        return 0.0
    share = (np.arange(_PLACES) + 0.5) / _PLACES
    rows, columns = (
        start + share * (whole - side) for start, whole, side in zip(crop[:2], crop[2:], size, strict=True)
    )
    places = np.array(np.meshgrid(rows, columns)).reshape(2, -1).T
    moved = np.hstack([places, np.broadcast_to(size, places.shape)])
    return float((iou(moved, boxes) >= matching.OVERLAPS).any(axis=1).mean())
