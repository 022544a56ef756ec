from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.assess import faithfulness

SHAPE = (48, 64)
FRACTURE = np.s_[16:24, 32:40]


def radiograph():
    pixels = np.random.default_rng(0).normal(120, 6, SHAPE).round().clip(0, 255).astype(np.uint8)
    pixels[FRACTURE] = 250
    return pixels


def fracture_mask():
    mask = np.zeros(SHAPE, bool)
    mask[FRACTURE] = True
    return mask


class Reader:
    """A classifier that sees nothing but how bright the fracture is; it counts what it is asked."""

    def __init__(self):
        self.batches = []

    def __call__(self, batch):
        self.batches.append(batch.shape)
        assert batch.dtype == np.uint8
        return (batch[:, *FRACTURE].mean(axis=(1, 2)) - 120) / 130


def test_a_map_on_the_fracture_deletes_early_and_inserts_early():
    reader = Reader()
    scores = faithfulness.deletion_insertion(
        radiograph(), fracture_mask().astype(np.float32), reader, steps=12, cell_px=8
    )
    assert scores["deletion_auc"] < 0.25
    assert scores["insertion_auc"] > 0.85
    assert reader.batches == [(39, *SHAPE)]


def test_a_random_order_deletes_the_fracture_half_way_on_average():
    flat, pixels = np.zeros(SHAPE), radiograph()
    areas = [
        faithfulness.deletion_insertion(pixels, flat, Reader(), cell_px=8, seed=seed)["random_deletion_auc"]
        for seed in range(60)
    ]
    whole, blurred = Reader()(np.stack([pixels, faithfulness.blur(pixels)]))
    assert np.mean(areas) == pytest.approx((whole + blurred) / 2, abs=0.1)


def test_a_map_everywhere_but_on_the_fracture_deletes_late():
    elsewhere = 1 - fracture_mask().astype(np.float32)
    scores = faithfulness.deletion_insertion(radiograph(), elsewhere, Reader(), steps=12, cell_px=8)
    assert scores["deletion_auc"] > 0.9
    assert scores["insertion_auc"] < 0.25


def test_areas_by_hand_for_one_step():
    # From the radiograph (0.8) to the blurred one (0.2): both areas are the mean of the ends.
    def predict(batch):
        return np.where((batch == pixels).all(axis=(1, 2)), 0.8, 0.2)

    pixels = radiograph()
    scores = faithfulness.deletion_insertion(pixels, np.zeros(SHAPE), predict, steps=1)
    assert list(scores.values()) == pytest.approx([0.5, 0.5, 0.5])


def test_a_constant_map_deletes_at_random():
    def share_kept(batch):
        return (batch == pixels).mean(axis=(1, 2))

    pixels = radiograph()
    scores = faithfulness.deletion_insertion(pixels, np.ones(SHAPE), share_kept, steps=12, cell_px=8)
    assert scores["deletion_auc"] == pytest.approx(scores["random_deletion_auc"], abs=0.03)


@pytest.mark.parametrize("cell_px", [1, 7, 100])
def test_every_pixel_is_deleted_at_the_end_whatever_the_cell(cell_px):
    seen = []

    def keep(batch):
        seen.append(batch)
        return np.zeros(len(batch))

    pixels = radiograph()
    faithfulness.deletion_insertion(pixels, pixels / 255, keep, steps=3, cell_px=cell_px)
    deleted, inserted, at_random = seen[0].reshape(3, 4, *SHAPE)
    for whole, blank in ((deleted[0], deleted[3]), (inserted[3], inserted[0]), (at_random[0], at_random[3])):
        np.testing.assert_array_equal(whole, pixels)
        np.testing.assert_array_equal(blank, faithfulness.blur(pixels))


def test_erasing_changes_the_region_only_and_takes_it_away():
    pixels, mask = radiograph(), fracture_mask()
    erased = faithfulness.erase(pixels, mask)
    np.testing.assert_array_equal(erased[~mask], pixels[~mask])
    assert erased[mask].mean() == pytest.approx(120, abs=8)
    assert erased[mask].std() == pytest.approx(6, rel=0.5)


def test_a_flat_surrounding_gives_a_flat_patch():
    pixels = np.full(SHAPE, 77, np.uint8)
    pixels[FRACTURE] = 200
    assert (faithfulness.erase(pixels, fracture_mask()) == 77).all()


def test_erasing_the_fracture_drops_and_the_control_does_not():
    reader = Reader()
    drops = faithfulness.erase_drops(radiograph(), fracture_mask(), reader, anatomy=np.ones(SHAPE, bool))
    assert drops["erase_drop"] > 0.8
    assert drops["erase_drop_control"] == pytest.approx(0.0)
    assert reader.batches == [(3, *SHAPE)]


def test_a_region_that_leaves_no_room_has_no_control():
    mask = np.zeros(SHAPE, bool)
    mask[2:46, 2:62] = True
    drops = faithfulness.erase_drops(radiograph(), mask, Reader())
    assert math.isnan(drops["erase_drop_control"])
    assert drops["erase_drop"] > 0.5


@given(st.integers(0, 30), st.integers(0, 40), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_a_control_is_as_large_and_lies_elsewhere(row, column, height, width, seed):
    mask = np.zeros(SHAPE, bool)
    mask[row : row + height, column : column + width] = True
    mask[44:47, 50:60] = True
    moved = faithfulness.control_mask(mask, np.ones(SHAPE, bool), seed=seed)
    assert moved.sum() == mask.sum()
    assert not (moved & mask).any()


def test_a_control_lies_inside_the_anatomy():
    anatomy = np.zeros(SHAPE, bool)
    anatomy[10:30, 20:60] = True
    for seed in range(20):
        moved = faithfulness.control_mask(fracture_mask(), anatomy, seed=seed)
        assert anatomy[moved].all()


def test_anatomy_is_what_is_bright():
    pixels = np.full(SHAPE, 20, np.uint8)
    pixels[10:30, 20:60] = 130
    anatomy = faithfulness.anatomy_mask(pixels)
    assert anatomy[14:26, 24:56].all()
    assert not anatomy[:5].any()


def test_anatomy_is_not_the_film_beside_the_letterbox():
    pixels = np.zeros(SHAPE, np.uint8)
    pixels[:, :50] = 40
    pixels[10:30, 20:40] = 90
    anatomy = faithfulness.anatomy_mask(pixels)
    assert anatomy[14:26, 24:36].all()
    assert not anatomy[40:].any()


def test_a_black_radiograph_has_no_anatomy():
    assert not faithfulness.anatomy_mask(np.zeros(SHAPE, np.uint8)).any()


@pytest.mark.parametrize(("power", "expected"), [(3, 1.0), (-1, -1.0)])
def test_rank_correlation_ignores_a_monotone_change(power, expected):
    region_map = np.random.default_rng(0).uniform(0.1, 1, SHAPE)
    assert faithfulness.rank_correlation(region_map, region_map**power) == pytest.approx(expected)


def test_rank_correlation_by_hand():
    # Squared rank differences 0, 1, 1, 0 of four: 1 - 6 * 2 / (4 * 15).
    assert faithfulness.rank_correlation(
        np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 3.0], [2.0, 4.0]])
    ) == pytest.approx(0.8)


def test_a_constant_map_has_no_order_to_correlate():
    assert faithfulness.rank_correlation(np.ones(SHAPE), radiograph().astype(float)) == 0.0


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: faithfulness.erase(radiograph(), np.zeros(SHAPE, bool)), "part of the radiograph"),
        (lambda: faithfulness.erase(radiograph(), np.ones(SHAPE, bool)), "part of the radiograph"),
        (lambda: faithfulness.erase(radiograph(), np.ones((4, 4), bool)), "one shape"),
        (lambda: faithfulness.rank_correlation(np.ones((2, 3)), np.ones((3, 2))), "one shape"),
        (
            lambda: faithfulness.deletion_insertion(radiograph(), np.ones(SHAPE), Reader(), steps=0),
            "at least 1",
        ),
        (lambda: faithfulness.deletion_insertion(radiograph(), np.full(SHAPE, np.nan), Reader()), "NaN"),
        (lambda: faithfulness.deletion_insertion(radiograph(), np.ones(SHAPE), np.zeros_like), "33 finite"),
    ],
)
def test_what_cannot_be_asked_is_refused(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
