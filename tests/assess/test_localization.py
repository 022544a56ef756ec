from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from sklearn.metrics import average_precision_score

from pipeline.assess import localization

SHAPE = (24, 40)
BOX = np.array([[4, 10, 6, 8]])

box_lists = st.lists(
    st.tuples(*(st.floats(low, high) for low, high in ((0, 20), (0, 30), (0.25, 12), (0.25, 12)))),
    min_size=1,
    max_size=4,
).map(np.array)


def blob(row, column, height, width, value=0.8):
    region_map = np.zeros(SHAPE, np.float32)
    region_map[row : row + height, column : column + width] = value
    return region_map


def test_mask_covers_the_union_of_boxes():
    mask = localization.box_mask(np.array([[0, 0, 2, 3], [1, 1, 2, 3]]), (4, 5))
    assert mask.astype(int).tolist() == [
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
    ]


def test_mask_is_cut_at_the_border():
    mask = localization.box_mask(np.array([[-3, -3, 4, 4], [3, 4, 9, 9]]), (4, 5))
    assert np.argwhere(mask).tolist() == [[0, 0], [3, 4]]


def test_peak_of_a_non_square_map():
    region_map = blob(3, 30, 5, 5)
    region_map[6, 31] = 0.9
    assert localization.peak(region_map) == (6, 31)


def test_tied_peaks_give_the_one_in_their_middle():
    assert localization.peak(blob(4, 10, 5, 7)) == (6, 13)
    assert localization.peak(np.zeros((5, 7), np.float32)) == (2, 3)


def test_a_map_with_nan_has_no_peak():
    with pytest.raises(ValueError, match="NaN"):
        localization.peak(np.full(SHAPE, np.nan))


@pytest.mark.parametrize(
    ("peak", "hit"), [((4, 10), True), ((9, 17), True), ((3, 10), False), ((10, 17), False), ((9, 18), False)]
)
def test_the_first_and_the_last_pixel_of_a_box_are_hits(peak, hit):
    assert localization.pointing_game([peak], [BOX]).tolist() == [hit]


def test_tolerance_reaches_from_the_box_in_a_circle():
    # The centre of (12, 21) is 2.5 below and 3.5 right of the box: 4.30 away.
    assert localization.pointing_game([(12, 21)] * 2, [BOX] * 2, tolerance_px=4.31).all()
    assert not localization.pointing_game([(12, 21)], [BOX], tolerance_px=4.29).any()


def test_any_of_the_boxes_counts():
    boxes = np.array([[0, 0, 2, 2], [4, 10, 6, 8]])
    assert localization.pointing_game([(5, 12), (20, 20)], [boxes, boxes]).tolist() == [True, False]


@given(box_lists)
def test_every_pixel_hits_exactly_where_the_mask_is(boxes):
    pixels = np.argwhere(np.ones(SHAPE, bool))
    hits = localization.pointing_game(pixels, [boxes] * len(pixels))
    np.testing.assert_array_equal(hits.reshape(SHAPE), localization.box_mask(boxes, SHAPE))


@given(box_lists)
def test_random_pointing_equals_the_share_of_pixels_that_hit(boxes):
    pixels = np.argwhere(np.ones(SHAPE, bool))
    hits = localization.pointing_game(pixels, [boxes] * len(pixels))
    assert localization.pointing_game_random([boxes], [SHAPE])[0] == pytest.approx(hits.mean())


def test_overlapping_boxes_count_their_area_once():
    overlapping = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [0, 1, 2, 2]])
    assert localization.pointing_game_random([overlapping], [(4, 6)]).tolist() == [6 / 24]


def test_center_pointing_knows_the_shape_of_each_radiograph():
    boxes = [np.array([[11, 19, 1, 1]]), np.array([[0, 0, 4, 4]])]
    assert localization.pointing_game_center(boxes, [SHAPE, (10, 10)]).tolist() == [True, False]


def test_energy_in_box_by_hand():
    region_map = blob(8, 10, 4, 8)
    assert localization.energy_in_box(region_map, BOX) == pytest.approx(0.5)


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0.0), (0.3, 48 / 960)])
def test_energy_of_a_constant_map_is_the_area_or_nothing(value, expected):
    assert localization.energy_in_box(np.full(SHAPE, value, np.float32), BOX) == pytest.approx(expected)


@given(box_lists, box_lists)
def test_iou_equals_that_of_pycocotools(boxes, others):
    # Swapping the axes changes no overlap, so (row, column, height, width) goes in as (x, y, w, h).
    expected = coco_mask.iou(boxes, others, [0] * len(others))
    np.testing.assert_allclose(localization.iou(boxes, others), expected, atol=1e-9)


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
    mask = localization.box_mask(BOX, SHAPE)
    score = localization.pixel_average_precision([np.full(SHAPE, value, np.float32)], [mask])
    assert score == pytest.approx(48 / 960)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: localization.box_mask(np.zeros((0, 4)), SHAPE), "boxes"),
        (lambda: localization.box_mask(np.array([[0, 0, 0, 5]]), SHAPE), "height > 0"),
        (lambda: localization.pointing_game([(0, 0)], [np.zeros((0, 4))]), "boxes"),
        (lambda: localization.pointing_game([(0, 0)], []), "zip"),
        (lambda: localization.max_box_acc([], []), "annotated"),
        (lambda: localization.pixel_average_precision([], []), "annotated"),
        (lambda: localization.pixel_average_precision([blob(0, 0, 1, 1)], [np.ones((2, 2), bool)]), "shape"),
    ],
)
def test_what_is_not_annotated_is_refused(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
