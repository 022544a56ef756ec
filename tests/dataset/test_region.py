from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from pipeline.dataset import annotations, region
from pipeline.dataset.region import Region

FRACATLAS = Path(__file__).parents[2] / "../shared/data/fracatlas/annotations.coco.json"
TRIANGLE = np.array([[2.0, 2.0], [12.0, 2.0], [2.0, 12.0]])


def test_a_box_fills_the_pixels_whose_centres_it_holds():
    inside = region.mask([Region((), (1.0, 2.0, 3.0, 2.0))], 6, 8)
    assert inside.sum() == 6
    assert inside[2:4, 1:4].all()


def test_a_triangle_fills_half_of_its_box():
    inside = region.mask([Region((TRIANGLE,), (2.0, 2.0, 10.0, 10.0))], 20, 20)
    assert inside.sum() in range(45, 56)
    assert inside[3, 3]
    assert not inside[11, 11]


def test_regions_are_joined_and_cut_at_the_border():
    regions = [Region((), (-2.0, -2.0, 4.0, 4.0)), Region((), (1.0, 1.0, 2.0, 2.0))]
    assert region.mask(regions, 5, 5).sum() == 7


def test_no_region_is_an_empty_mask():
    assert not region.mask([], 3, 4).any()


# pycocotools' arrays do not know NumPy 2's `copy` keyword.
@pytest.mark.skipif(not FRACATLAS.exists(), reason="the developers' share of FracAtlas is not here")
def test_masks_agree_with_pycocotools():
    drawn = annotations.read(FRACATLAS)
    paths = list(drawn.regions)[:40]
    assert len(paths) == 40
    for path in paths:
        size = drawn.sizes[path]
        regions = drawn.for_path(path)
        outlines = [polygon.ravel().tolist() for one in regions for polygon in one.polygons]
        expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(outlines, *size))).astype(bool)
        inside = region.mask(regions, *size)
        assert (inside & expected).sum() / (inside | expected).sum() > 0.95


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.reliability("run-length masks without a box", "the box around the mask")
def test_the_box_of_a_run_length_mask_is_that_around_it(packed):
    drawn = np.zeros((20, 30), np.uint8, order="F")
    drawn[4:9, 7:19] = 1
    drawn[6, 6] = 1
    encoded = coco_mask.encode(drawn)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], drawn.ravel(order="F"), [0]])))
    runs = np.diff(np.concatenate([[0], edges, [drawn.size]])).tolist()
    counts = encoded["counts"].decode() if packed else runs
    found = region.parse_region({"segmentation": {"size": [20, 30], "counts": counts}})
    assert found.bbox == (6, 4, 13, 5)


@pytest.mark.parametrize(
    "mask",
    [
        {"size": [0, 9], "counts": "abc"},
        {"size": [2, 2], "counts": [1, 9]},
        {"size": [2, 2], "counts": [-1, 2]},
        {"size": "x", "counts": [1]},
        {"size": [9, 9], "counts": "~~~~~~"},
        {"size": [9, 9], "counts": "a" * 1000},
        {"size": [9, 9], "counts": "\u00e9"},
        {"counts": [1, 2]},
        {"size": [2, 2], "counts": {"a": 1}},
    ],
)
def test_a_run_length_mask_that_does_not_fit_is_malformed(mask):
    with pytest.raises(ValueError, match=r"Received|invalid literal"):
        region.parse_region({"segmentation": mask})
