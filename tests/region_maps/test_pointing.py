from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from pipeline.predict.boxes import box_mask
from pipeline.region_maps import pointing
from tests.region_maps.drawn import BOX, SHAPE, blob, box_lists


def test_peak_of_a_non_square_map():
    region_map = blob(3, 30, 5, 5)
    region_map[6, 31] = 0.9
    assert pointing.peak(region_map) == (6, 31)


def test_tied_peaks_give_the_one_in_their_middle():
    assert pointing.peak(blob(4, 10, 5, 7)) == (6, 13)
    assert pointing.peak(np.zeros((5, 7), np.float32)) == (2, 3)


def test_a_map_with_nan_has_no_peak():
    with pytest.raises(ValueError, match="NaN"):
        pointing.peak(np.full(SHAPE, np.nan))


@pytest.mark.parametrize(
    ("peak", "hit"), [((4, 10), True), ((9, 17), True), ((3, 10), False), ((10, 17), False), ((9, 18), False)]
)
def test_the_first_and_the_last_pixel_of_a_box_are_hits(peak, hit):
    assert pointing.pointing_game([peak], [BOX]).tolist() == [hit]


def test_tolerance_reaches_from_the_box_in_a_circle():
    # The centre of (12, 21) is 2.5 below and 3.5 right of the box: 4.30 away.
    assert pointing.pointing_game([(12, 21)] * 2, [BOX] * 2, tolerance_px=4.31).all()
    assert not pointing.pointing_game([(12, 21)], [BOX], tolerance_px=4.29).any()


def test_any_of_the_boxes_counts():
    boxes = np.array([[0, 0, 2, 2], [4, 10, 6, 8]])
    assert pointing.pointing_game([(5, 12), (20, 20)], [boxes, boxes]).tolist() == [True, False]


@given(box_lists)
def test_every_pixel_hits_exactly_where_the_mask_is(boxes):
    pixels = np.argwhere(np.ones(SHAPE, bool))
    hits = pointing.pointing_game(pixels, [boxes] * len(pixels))
    np.testing.assert_array_equal(hits.reshape(SHAPE), box_mask(boxes, SHAPE))


@given(box_lists)
def test_random_pointing_equals_the_share_of_pixels_that_hit(boxes):
    pixels = np.argwhere(np.ones(SHAPE, bool))
    hits = pointing.pointing_game(pixels, [boxes] * len(pixels))
    assert pointing.pointing_game_random([boxes], [SHAPE])[0] == pytest.approx(hits.mean())


def test_overlapping_boxes_count_their_area_once():
    overlapping = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [0, 1, 2, 2]])
    assert pointing.pointing_game_random([overlapping], [(4, 6)]).tolist() == [6 / 24]


def test_center_pointing_knows_the_shape_of_each_radiograph():
    boxes = [np.array([[11, 19, 1, 1]]), np.array([[0, 0, 4, 4]])]
    assert pointing.pointing_game_center(boxes, [SHAPE, (10, 10)]).tolist() == [True, False]


def test_the_brightest_bone_is_no_single_bright_pixel():
    pixels = np.full((200, 300), 40, np.uint8)
    pixels[20, 30] = 255
    pixels[120:150, 200:230] = 180
    row, column = pointing.brightest(pixels)
    assert (abs(row - 135) <= 8, abs(column - 215) <= 8) == (True, True)


def test_energy_in_box_by_hand():
    region_map = blob(8, 10, 4, 8)
    assert pointing.energy_in_box(region_map, BOX) == pytest.approx(0.5)


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0.0), (0.3, 48 / 960)])
def test_energy_of_a_constant_map_is_the_area_or_nothing(value, expected):
    assert pointing.energy_in_box(np.full(SHAPE, value, np.float32), BOX) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: pointing.pointing_game([(0, 0)], [np.zeros((0, 4))]), "boxes"),
        (lambda: pointing.pointing_game([(0, 0)], []), "zip"),
    ],
)
def test_what_is_not_annotated_is_no_game(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
