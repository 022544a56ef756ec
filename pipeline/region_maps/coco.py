"""Regions as COCO results, and their average precision as COCO counts it.

COCO counts columns first: only its own records speak of x and y.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pipeline.predict.regions import Region
from pipeline.statistics import intervals
from pipeline.types import AnyArray, BoolArray, Float64Array, Int64Array

_LOW = (0.3,)  # boxes of weak labels are coarse; detectors of fractures are often scored here, too
_STANDARD = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())


def results(regions: Sequence[Sequence[Region]], image_ids: Sequence[int]) -> list[dict[str, Any]]:
    """List the regions of N images as detections, ``bbox`` as [x, y, width, height] in their own pixels."""
    return [
        {
            "image_id": image_id,
            "category_id": 1,
            "bbox": [region.column, region.row, region.width_px, region.height_px],
            "score": region.score,
        }
        for image_id, own in zip(image_ids, regions, strict=True)
        for region in own
    ]


def average_precision(
    annotations: Mapping[str, Any], results: Sequence[Mapping[str, Any]], image_ids: Sequence[int]
) -> dict[str, float]:
    """Average precision by pycocotools.

    Parameters
    ----------
    annotations
        A COCO data set: ``images``, ``annotations``, ``categories``.
    results
        COCO results, ``bbox`` as [x, y, width, height].
    image_ids
        The images that are scored; others are left out, results and all.

    Returns
    -------
    dict of str to float
        ``coco_ap`` (mean over IoU 0.5, 0.55, ..., 0.95), ``coco_ap_50`` and ``coco_ap_30``; NaN where
        nothing is annotated on these images.

    References
    ----------
    Lin et al., Microsoft COCO: common objects in context, ECCV 2014.
    https://doi.org/10.1007/978-3-319-10602-1_48
    """
    evaluation = _evaluated(annotations, results, image_ids)
    precision = evaluation.eval["precision"][..., 0, -1]  # (IoU, recall, category): all areas, most results
    by_iou = np.where(precision < 0, np.nan, precision).mean(axis=(1, 2))
    return _named(by_iou)


class Detections(NamedTuple):
    """Detections on N images, matched at T overlaps, the surest first.

    Attributes
    ----------
    image
        (M,) int, on which it lies, 0..N-1.
    is_hit
        (T, M) bool, whether it is matched with an annotation.
    n_annotated
        (N,) int, annotations of each image.
    """

    image: Int64Array
    is_hit: BoolArray
    n_annotated: Int64Array


def average_precision_by_group(
    annotations: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    image_ids: Sequence[int],
    group: AnyArray,
    *,
    n_samples: int,
    seed: int,
) -> dict[str, float]:
    """Average precision as :func:`average_precision`, with intervals over resampled groups of images.

    Images are matched once, by pycocotools; a resample only weighs them anew.

    Parameters
    ----------
    annotations, results, image_ids
        As for :func:`average_precision`.
    group
        (N,), of each of the images.
    n_samples, seed
        Resamples of the groups, and where random numbers start.

    Returns
    -------
    dict of str to float
        Its figures, each with ``_low`` and ``_high``; empty where nothing is annotated.
    """
    order = np.argsort(image_ids)
    found = _matched(_evaluated(annotations, results, image_ids))
    if not found.n_annotated.any():
        return {}

    def statistics(weight: Float64Array) -> dict[str, float]:
        return _named(_precision_by_iou(found, weight))

    is_annotated = found.n_annotated > 0
    return intervals.summarize(
        statistics, np.asarray(group)[order], is_annotated, n_samples=n_samples, seed=seed
    )


def _named(by_iou: Float64Array) -> dict[str, float]:
    return {
        "coco_ap": float(by_iou[1:].mean()),
        "coco_ap_50": float(by_iou[1]),
        "coco_ap_30": float(by_iou[0]),
    }


def _matched(evaluation: Any) -> Detections:
    """Take the matches of each image from an evaluation over all areas, in the order of the images' ids."""
    params = evaluation.params
    per_image = evaluation.evalImgs[: len(params.imgIds)]  # the first category, the first area: all
    score, image = [np.empty(0)], [np.empty(0, np.int64)]
    is_hit = [np.empty((len(params.iouThrs), 0), bool)]
    n_annotated = np.zeros(len(per_image), np.int64)
    for place, own in enumerate(per_image):
        if own is not None:
            score.append(np.asarray(own["dtScores"], np.float64))
            image.append(np.full(len(own["dtScores"]), place))
            is_hit.append(np.asarray(own["dtMatches"]).reshape(len(params.iouThrs), -1) > 0)
            n_annotated[place] = len(own["gtIds"])
    surest = np.argsort(-np.concatenate(score), kind="mergesort")
    return Detections(np.concatenate(image)[surest], np.concatenate(is_hit, axis=1)[:, surest], n_annotated)


def _precision_by_iou(found: Detections, weight: Float64Array) -> Float64Array:
    """Mean precision at 101 levels of recall, as pycocotools takes it, of weighted images: (T,)."""
    n_annotated = float(weight @ found.n_annotated)
    if not n_annotated > 0:
        return np.full(len(found.is_hit), np.nan)
    counts = weight[found.image]
    hits, false = (np.cumsum(counts * kind, axis=1) for kind in (found.is_hit, ~found.is_hit))
    precision = hits / (hits + false + np.spacing(1))
    highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    padded = np.pad(highest, ((0, 0), (0, 1)))  # a recall that is never reached has no precision
    levels = np.linspace(0.0, 1.0, 101)
    reached = (np.searchsorted(recall, levels) for recall in hits / n_annotated)
    return np.array([own[at].mean() for own, at in zip(padded, reached, strict=True)])


def _evaluated(
    annotations: Mapping[str, Any], results: Sequence[Mapping[str, Any]], image_ids: Sequence[int]
) -> Any:
    """Match and accumulate by pycocotools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports its progress there
        reference = COCO()
        reference.dataset = {**annotations}
        reference.createIndex()
        chosen = [{**result} for result in results if result["image_id"] in set(image_ids)]
        detections = reference.loadRes(chosen) if chosen else COCO()
        evaluation = COCOeval(reference, detections, "bbox")
        evaluation.params.imgIds = sorted(image_ids)
        evaluation.params.iouThrs = np.array([*_LOW, *_STANDARD])
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation
