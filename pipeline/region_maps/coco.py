"""Regions as COCO results, and their average precision as COCO counts it.

COCO counts columns first: only its own records speak of x and y.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.predict.regions import Region

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
    precision = evaluation.eval["precision"][..., 0, -1]  # (IoU, recall, category): all areas, most results
    by_iou = np.where(precision < 0, np.nan, precision).mean(axis=(1, 2))
    return {
        "coco_ap": float(by_iou[1:].mean()),
        "coco_ap_50": float(by_iou[1]),
        "coco_ap_30": float(by_iou[0]),
    }
