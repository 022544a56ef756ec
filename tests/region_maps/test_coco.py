from __future__ import annotations

import json
import math

import numpy as np
import pytest
from pycocotools.coco import COCO

from pipeline.predict.regions import extract_regions
from pipeline.region_maps import coco
from tests.predict.test_regions import two_blobs
from tests.region_maps.cells import CELLS, KNOWN, drawn

ANNOTATIONS = {
    "images": [{"id": 1}, {"id": 2}, {"id": 3}],
    "annotations": [
        {"id": i, "image_id": i, "category_id": 1, "iscrowd": 0, "bbox": [10, 10, 20, 20], "area": 400}
        for i in (1, 2)
    ],
    "categories": [{"id": 1, "name": "fractured"}],
}


def result(image_id: int, width: float, score: float) -> dict:
    return {"image_id": image_id, "category_id": 1, "bbox": [10, 10, width, 20], "score": score}


def test_perfect_boxes_reach_one(capsys: pytest.CaptureFixture[str]) -> None:
    found = coco.average_precision(ANNOTATIONS, [result(1, 20, 0.9), result(2, 20, 0.8)], [1, 2, 3])
    assert found == {"coco_ap": 1, "coco_ap_50": 1, "coco_ap_30": 1}
    assert capsys.readouterr().out == ""


def test_a_narrow_box_counts_up_to_its_overlap() -> None:
    found = coco.average_precision(ANNOTATIONS, [result(1, 8, 0.9), result(2, 8, 0.8)], [1, 2])
    assert found == {"coco_ap": 0, "coco_ap_50": 0, "coco_ap_30": 1}  # IoU 0.4


def test_a_sure_false_mark_costs_and_one_elsewhere_does_not() -> None:
    results = [result(3, 20, 0.95), result(1, 20, 0.9), result(2, 20, 0.8)]
    assert coco.average_precision(ANNOTATIONS, results, [1, 2])["coco_ap_50"] == 1
    assert coco.average_precision(ANNOTATIONS, results, [1, 2, 3])["coco_ap_50"] == pytest.approx(2 / 3)


def test_no_result_is_a_precision_of_nothing() -> None:
    assert coco.average_precision(ANNOTATIONS, [], [1, 2])["coco_ap"] == 0


def test_without_annotations_there_is_none() -> None:
    assert math.isnan(coco.average_precision(ANNOTATIONS, [result(3, 5, 0.5)], [3])["coco_ap"])


def test_results_are_coco_in_the_radiographs_pixels() -> None:
    maps = drawn(CELLS)
    regions = [extract_regions(region_map, 0.5) for region_map in maps]
    results = coco.results(regions, [KNOWN.image_id(path) for path in maps.rows["path"]])
    assert [result["image_id"] for result in results] == [1, 2, 3, 4]
    assert results[0]["bbox"] == pytest.approx([48, 32, 16, 16], abs=5)


def test_coco_reads_the_results(tmp_path, capsys):
    results = coco.results([extract_regions(two_blobs(), 0.5)], [4])
    reference = COCO()
    reference.dataset = {"images": [{"id": 4}], "annotations": [], "categories": [{"id": 1}]}
    reference.createIndex()
    (tmp_path / "results.json").write_text(json.dumps(results))
    loaded = reference.loadRes(str(tmp_path / "results.json"))
    assert [annotation["bbox"] for annotation in loaded.loadAnns(loaded.getAnnIds())] == [
        [3, 12, 2, 3],
        [10, 2, 10, 3],
    ]
    assert [annotation["area"] for annotation in loaded.loadAnns(loaded.getAnnIds())] == [6, 30]
    assert "DONE" in capsys.readouterr().out


def scattered(n_images: int = 30) -> tuple[dict, list[dict], list[int]]:
    """Boxes that lie more or less on one, two or no annotations of each image."""
    rng, drawn, found = np.random.default_rng(1), [], []
    for image in range(1, n_images + 1):
        corners = rng.uniform(0, 80, (image % 3, 2))
        for x, y in corners.tolist():
            own = {"image_id": image, "category_id": 1, "iscrowd": 0, "bbox": [x, y, 20, 20], "area": 400}
            drawn.append(own | {"id": len(drawn) + 1})
        for x, y in [*(corners + rng.normal(0, 4, corners.shape)), *rng.uniform(0, 80, (2, 2))]:
            score = round(float(rng.uniform()), 1)  # with ties
            found.append({"image_id": image, "category_id": 1, "bbox": [x, y, 20, 20], "score": score})
    ids = list(range(1, n_images + 1))
    return ANNOTATIONS | {"images": [{"id": i} for i in ids], "annotations": drawn}, found, ids


def test_the_figures_by_group_are_those_of_pycocotools() -> None:
    annotations, results, ids = scattered()
    plain = coco.average_precision(annotations, results, ids)
    grouped = coco.average_precision_by_group(
        annotations, results, ids, np.array(ids) // 2, n_samples=50, seed=0
    )
    assert {name: grouped[name] for name in plain} == pytest.approx(plain)
    assert all(grouped[f"{name}_low"] < grouped[name] < grouped[f"{name}_high"] for name in plain)
    assert 0.1 < plain["coco_ap_50"] < 0.9


def test_images_that_weigh_nothing_are_as_if_they_were_not_there() -> None:
    annotations, results, ids = scattered()
    found = coco._matched(coco._evaluated(annotations, results, ids))
    weight = (np.array(ids) <= 20).astype(float)
    left = coco.average_precision(annotations, results, ids[:20])
    assert coco._named(coco._precision_by_iou(found, weight)) == pytest.approx(left)
