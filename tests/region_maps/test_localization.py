from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from pipeline.predict.boxes import box_mask
from pipeline.region_maps import localization
from tests.region_maps.drawn import BOX, SHAPE, blob


def test_max_box_acc_by_hand():
    # The largest parts: the box itself; a half of it (IoU 0.5); elsewhere.
    maps = [blob(4, 10, 6, 8), blob(4, 10, 3, 8), blob(15, 30, 4, 4)]
    accuracy = localization.max_box_acc(maps, [BOX] * 3, iou_thresholds=(0.3, 0.5, 0.9))
    assert accuracy == pytest.approx({0.3: 2 / 3, 0.5: 2 / 3, 0.9: 1 / 3})


def test_max_box_acc_takes_one_map_threshold_for_the_whole_set():
    # The first map is right up to 0.4 only, the second above 0.6 only: never both at once.
    low = blob(4, 10, 6, 8, value=0.4)
    high = np.maximum(np.full(SHAPE, 0.6, np.float32), blob(4, 10, 6, 8, value=0.8))
    assert localization.max_box_acc([low, high], [BOX] * 2, iou_thresholds=(0.5,)) == {0.5: 0.5}
    assert localization.max_box_acc([high], [BOX], iou_thresholds=(0.5,)) == {0.5: 1.0}


def test_max_box_acc_looks_at_the_largest_part():
    maps = [np.maximum(blob(4, 10, 6, 8, value=0.5), blob(15, 28, 8, 9, value=0.5))]
    assert localization.max_box_acc(maps, [BOX]) == {0.1: 0.0, 0.3: 0.0, 0.5: 0.0}


def test_a_map_without_a_part_is_a_miss():
    assert localization.max_box_acc([np.zeros(SHAPE, np.float32)], [BOX])[0.1] == 0.0


def test_pixel_average_precision_equals_that_of_scikit_learn():
    generator = np.random.default_rng(0)
    maps = [generator.integers(0, 50, shape).astype(np.float32) / 50 for shape in (SHAPE, (11, 7))]
    masks = [generator.random(region_map.shape) < region_map * 0.2 for region_map in maps]
    pixels = [np.concatenate([array.ravel() for array in arrays]) for arrays in (masks, maps)]
    weight = np.repeat([1 / 960, 1 / 77], [960, 77])
    expected = average_precision_score(*pixels, sample_weight=weight)
    assert localization.pixel_average_precision(maps, masks) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_pixels_of_a_constant_map_score_the_annotated_share(value):
    mask = box_mask(BOX, SHAPE)
    score = localization.pixel_average_precision([np.full(SHAPE, value, np.float32)], [mask])
    assert score == pytest.approx(48 / 960)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: localization.max_box_acc([], []), "annotated"),
        (lambda: localization.pixel_average_precision([], []), "annotated"),
        (lambda: localization.pixel_average_precision([blob(0, 0, 1, 1)], [np.ones((2, 2), bool)]), "shape"),
    ],
)
def test_what_is_not_annotated_is_refused(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
