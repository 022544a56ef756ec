from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.region_maps import erasing
from tests.region_maps.reader import FRACTURE, SHAPE, Reader, fracture_mask, radiograph


def test_erasing_changes_the_region_only_and_takes_it_away():
    pixels, mask = radiograph(), fracture_mask()
    erased = erasing.erase(pixels, mask)
    np.testing.assert_array_equal(erased[~mask], pixels[~mask])
    assert erased[mask].mean() == pytest.approx(120, abs=8)
    assert erased[mask].std() == pytest.approx(6, rel=0.5)


def test_a_flat_surrounding_gives_a_flat_patch():
    pixels = np.full(SHAPE, 77, np.uint8)
    pixels[FRACTURE] = 200
    assert (erasing.erase(pixels, fracture_mask()) == 77).all()


def test_erasing_the_fracture_drops_and_the_control_does_not():
    reader = Reader()
    drops = erasing.erase_drops(radiograph(), fracture_mask(), reader)
    assert drops["erase_drop"] > 0.8
    assert drops["erase_drop_control"] == pytest.approx(0.0)
    assert reader.batches == [(3, *SHAPE)]


def test_a_region_that_leaves_no_room_has_no_control():
    mask = np.zeros(SHAPE, bool)
    mask[2:46, 2:62] = True
    drops = erasing.erase_drops(radiograph(), mask, Reader())
    assert math.isnan(drops["erase_drop_control"])
    assert drops["erase_drop"] > 0.5


@given(st.integers(0, 30), st.integers(0, 40), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_a_control_is_as_large_and_lies_elsewhere(row, column, height, width, seed):
    mask = np.zeros(SHAPE, bool)
    mask[row : row + height, column : column + width] = True
    mask[44:47, 50:60] = True
    moved = erasing.control_mask(mask, np.ones(SHAPE, bool), seed=seed)
    assert moved.sum() == mask.sum()
    assert not (moved & mask).any()


def test_a_control_lies_inside_the_anatomy():
    anatomy = np.zeros(SHAPE, bool)
    anatomy[10:30, 20:60] = True
    for seed in range(20):
        moved = erasing.control_mask(fracture_mask(), anatomy, seed=seed)
        assert anatomy[moved].all()


def test_anatomy_is_what_is_bright():
    pixels = np.full(SHAPE, 20, np.uint8)
    pixels[10:30, 20:60] = 130
    anatomy = erasing.anatomy_mask(pixels)
    assert anatomy[14:26, 24:56].all()
    assert not anatomy[:5].any()


def test_anatomy_is_not_the_film_beside_the_letterbox():
    pixels = np.zeros(SHAPE, np.uint8)
    pixels[:, :50] = 40
    pixels[10:30, 20:40] = 90
    anatomy = erasing.anatomy_mask(pixels)
    assert anatomy[14:26, 24:36].all()
    assert not anatomy[40:].any()


def test_a_black_radiograph_has_no_anatomy():
    assert not erasing.anatomy_mask(np.zeros(SHAPE, np.uint8)).any()


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: erasing.erase(radiograph(), np.zeros(SHAPE, bool)), "part of the radiograph"),
        (lambda: erasing.erase(radiograph(), np.ones(SHAPE, bool)), "part of the radiograph"),
        (lambda: erasing.erase(radiograph(), np.ones((4, 4), bool)), "one shape"),
    ],
)
def test_what_is_no_region_cannot_be_erased(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
