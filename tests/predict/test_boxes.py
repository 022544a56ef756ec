from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from pycocotools import mask as coco_mask

from pipeline.predict.boxes import box_mask, iou
from tests.region_maps.drawn import SHAPE, box_lists


def test_mask_covers_the_union_of_boxes():
    mask = box_mask(np.array([[0, 0, 2, 3], [1, 1, 2, 3]]), (4, 5))
    assert mask.astype(int).tolist() == [
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
    ]


def test_mask_is_cut_at_the_border():
    mask = box_mask(np.array([[-3, -3, 4, 4], [3, 4, 9, 9]]), (4, 5))
    assert np.argwhere(mask).tolist() == [[0, 0], [3, 4]]


@given(box_lists, box_lists)
def test_iou_equals_that_of_pycocotools(boxes, others):
    # Swapping the axes changes no overlap, so (row, column, height, width) goes in as (x, y, w, h).
    expected = coco_mask.iou(boxes, others, [0] * len(others))
    np.testing.assert_allclose(iou(boxes, others), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: box_mask(np.zeros((0, 4)), SHAPE), "boxes"),
        (lambda: box_mask(np.array([[0, 0, 0, 5]]), SHAPE), "height > 0"),
    ],
)
def test_what_is_no_box_is_refused(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
