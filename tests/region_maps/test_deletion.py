from __future__ import annotations

import numpy as np
import pytest

from pipeline.region_maps import deletion
from tests.region_maps.reader import SHAPE, Reader, fracture_mask, radiograph


def areas(*args, **kwargs):
    return {f"{name}_auc": deletion.area(curve) for name, curve in deletion.curves(*args, **kwargs).items()}


def test_a_map_on_the_fracture_deletes_early_and_inserts_early():
    reader = Reader()
    scores = areas(radiograph(), fracture_mask().astype(np.float32), reader, steps=12, cell_px=8)
    assert scores["deletion_auc"] < 0.25
    assert scores["insertion_auc"] > 0.85
    assert reader.batches == [(39, *SHAPE)]


def test_the_maps_own_curve_alone_is_the_same():
    pixels, region_map = radiograph(), np.random.default_rng(1).random(SHAPE)
    alone = deletion.curves(pixels, region_map, Reader(), ["deletion"], steps=7, cell_px=8, seed=3)
    together = deletion.curves(pixels, region_map, Reader(), steps=7, cell_px=8, seed=3)
    assert alone["deletion"] == pytest.approx(together["deletion"])


def test_a_random_order_deletes_the_fracture_half_way_on_average():
    flat, pixels = np.zeros(SHAPE), radiograph()
    found = [areas(pixels, flat, Reader(), cell_px=8, seed=seed)["random_deletion_auc"] for seed in range(60)]
    whole, blurred = Reader()(np.stack([pixels, deletion.blur(pixels)]))
    assert np.mean(found) == pytest.approx((whole + blurred) / 2, abs=0.1)


def test_a_map_everywhere_but_on_the_fracture_deletes_late():
    elsewhere = 1 - fracture_mask().astype(np.float32)
    scores = areas(radiograph(), elsewhere, Reader(), steps=12, cell_px=8)
    assert scores["deletion_auc"] > 0.9
    assert scores["insertion_auc"] < 0.25


def test_areas_by_hand_for_one_step():
    # From the radiograph (0.8) to the blurred one (0.2): both areas are the mean of the ends.
    def predict(batch):
        return np.where((batch == pixels).all(axis=(1, 2)), 0.8, 0.2)

    pixels = radiograph()
    scores = areas(pixels, np.zeros(SHAPE), predict, steps=1)
    assert list(scores.values()) == pytest.approx([0.5, 0.5, 0.5])


def test_a_constant_map_deletes_at_random():
    def share_kept(batch):
        return (batch == pixels).mean(axis=(1, 2))

    pixels = radiograph()
    scores = areas(pixels, np.ones(SHAPE), share_kept, steps=12, cell_px=8)
    assert scores["deletion_auc"] == pytest.approx(scores["random_deletion_auc"], abs=0.03)


@pytest.mark.parametrize("cell_px", [1, 7, 100])
def test_every_pixel_is_deleted_at_the_end_whatever_the_cell(cell_px):
    seen = []

    def keep(batch):
        seen.append(batch)
        return np.zeros(len(batch))

    pixels = radiograph()
    areas(pixels, pixels / 255, keep, steps=3, cell_px=cell_px)
    deleted, inserted, at_random = seen[0].reshape(3, 4, *SHAPE)
    for whole, blank in ((deleted[0], deleted[3]), (inserted[3], inserted[0]), (at_random[0], at_random[3])):
        np.testing.assert_array_equal(whole, pixels)
        np.testing.assert_array_equal(blank, deletion.blur(pixels))


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: deletion.curves(radiograph(), np.ones(SHAPE), Reader(), steps=0), "at least 1"),
        (lambda: deletion.curves(radiograph(), np.full(SHAPE, np.nan), Reader()), "NaN"),
        (lambda: deletion.curves(radiograph(), np.ones(SHAPE), np.zeros_like), "33 finite"),
    ],
)
def test_what_cannot_be_asked_is_refused(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
