from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pipeline.assess.maps import scores
from pipeline.assess.maps.scores import Reference

SHAPE = (50, 100)


def reference(top: int, left: int, group: str) -> Reference:
    mask = np.zeros(SHAPE, bool)
    mask[top : top + 10, left : left + 20] = True
    return Reference(np.array([[top, left, 10, 20]], float), lambda: mask, group)


REFERENCES = [reference(10, 10, "a"), reference(30, 60, "b"), reference(20, 40, "b")]


def perfect() -> Iterator[np.ndarray]:
    return (one.mask().astype(np.float32) for one in REFERENCES)


def localize(maps: list[np.ndarray]) -> dict:
    return scores.localize(lambda: iter(maps), REFERENCES, n_samples=50, seed=0)


def test_perfect_maps_score_one() -> None:
    figures = localize(list(perfect()))
    names = ("pointing_game", "pointing_game_tolerant", "energy_in_box", "pixel_average_precision")
    assert [figures[name] for name in names] == pytest.approx([1] * 4)
    assert list(figures["max_box_acc"].values()) == [1, 1, 1]
    assert figures["annotated"] == 3


def test_baselines_by_hand() -> None:
    figures = localize(list(perfect()))
    assert figures["pointing_game_random"] == pytest.approx(10 * 20 / (50 * 100))
    assert figures["pointing_game_center"] == pytest.approx(1 / 3)  # only the last box holds (25, 50)


def test_a_peak_just_outside_hits_with_tolerance() -> None:
    near = np.zeros(SHAPE, np.float32)
    near[8, 15] = 1  # two rows above the box; 2 % of 100 pixels are two
    figures = localize([near, *list(perfect())[1:]])
    assert figures["pointing_game"] == pytest.approx(2 / 3)
    assert figures["pointing_game_tolerant"] == 1


def test_energy_is_the_share_inside() -> None:
    half = next(perfect()).copy()
    half[40:50, 70:90] = 1
    assert localize([half, *list(perfect())[1:]])["energy_in_box"] == pytest.approx((0.5 + 1 + 1) / 3)


def test_the_interval_resamples_groups() -> None:
    missed = np.zeros(SHAPE, np.float32)
    missed[49, 99] = 1
    _, *hits = perfect()
    figures = localize([missed, *hits])
    assert figures["pointing_game"] == pytest.approx(2 / 3)
    assert (figures["pointing_game_low"], figures["pointing_game_high"]) == (0, 1)  # all of a, all of b


def test_too_few_maps_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        localize(list(perfect())[:2])


def bright(batch: np.ndarray) -> np.ndarray:
    """A classifier that is as sure as its brightest pixel is bright."""
    return batch.reshape(len(batch), -1).max(axis=1) / 255


def test_erasing_what_decides_takes_the_probability_away() -> None:
    pixels = np.full((64, 64), 51, np.uint8)
    pixels[16:32, 32:48] = 255
    region_map = (pixels > 200).astype(np.float32)
    figures = scores.probe_faithfulness(
        [(pixels, region_map)], bright, threshold=0.5, steps=4, cell_px=16, seed=0
    )
    assert figures["erase_drop"] > 0.5
    assert figures["erase_drop_control"] == pytest.approx(0, abs=1e-6)
    assert figures["deletion_auc"] < figures["random_deletion_auc"]
    assert figures["insertion_auc"] > 0.8


def test_without_radiographs_nothing_is_known() -> None:
    figures = scores.probe_faithfulness([], bright, threshold=0.5, steps=4, cell_px=16, seed=0)
    assert len(figures) == 5
    assert np.isnan(list(figures.values())).all()
