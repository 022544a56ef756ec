from __future__ import annotations

import numpy as np
import pytest

from pipeline.predict.regions import Region, extract_regions
from pipeline.region_maps import standing_out
from pipeline.region_maps.matching import Validation

NONE = np.empty((0, 4))
BOX = np.array([[40, 30, 20, 10]])
CROP = (0, 0, 100, 80)


def val(*boxes: np.ndarray) -> Validation:
    return Validation(boxes, np.full(len(boxes), 8000), np.ones(len(boxes)))


def region(box: np.ndarray, score: float) -> Region:
    region_map = np.zeros((100, 80), np.float32)
    top, left, height, width = box[0]
    region_map[top : top + height, left : left + width] = score
    return extract_regions(region_map, 0.01)[0]


def test_chance_by_hand() -> None:
    whole = standing_out.overlap_by_chance((100, 80), BOX, CROP)
    assert whole == 0  # a fortieth of it is the fracture
    assert standing_out.overlap_by_chance((20, 10), BOX, (40, 30, 20, 10)) == 1
    assert standing_out.overlap_by_chance((20, 10), NONE, CROP) == 0


def test_chance_is_what_random_places_give() -> None:
    boxes, rng = np.array([[40, 30, 20, 10], [10, 50, 8, 8]]), np.random.default_rng(0)
    top, left = rng.uniform(5, 95 - 12, 40_000), rng.uniform(10, 80 - 16, 40_000)

    def overlaps(row: int, column: int, height: int, width: int) -> np.ndarray:
        down = np.minimum(top + 12, row + height) - np.maximum(top, row)
        across = np.minimum(left + 16, column + width) - np.maximum(left, column)
        common = np.clip(down, 0, None) * np.clip(across, 0, None)
        return common / (12 * 16 + height * width - common) >= 0.1

    expected = (overlaps(*boxes[0]) | overlaps(*boxes[1])).mean()
    assert standing_out.overlap_by_chance((12, 16), boxes, (5, 10, 90, 70)) == pytest.approx(
        expected, abs=0.01
    )


def test_the_best_f_measure_by_hand() -> None:
    elsewhere = np.array([[70, 60, 20, 10]])
    shown = [[region(BOX, 0.9)], [region(elsewhere, 0.5)], [region(BOX, 0.2)]]
    # Of two fractures one is marked first: 10 / (9 * 2 + 1). With all three: 20 / (9 * 2 + 3).
    found = standing_out.best_f_measure(shown, val(BOX, NONE, BOX))
    assert found == pytest.approx(20 / 21)
    assert standing_out.best_f_measure([[], []], val(BOX, NONE)) == 0


def test_the_lowest_score_is_a_tenth_of_it_and_never_below_chance() -> None:
    marked = [[region(BOX, 0.9)], []]
    assert standing_out.lowest_score(marked, val(BOX, NONE), [CROP, CROP]) == pytest.approx(0.1)
    nowhere_else = (40, 30, 20, 10)  # what is exposed is the fracture
    assert standing_out.lowest_score(marked, val(BOX, NONE), [nowhere_else, CROP]) == 1


def test_what_could_overlap_no_fracture_is_too_large() -> None:
    small = np.array([[40, 30, 10, 8]])
    assert standing_out.largest_area(val(small, NONE)) == pytest.approx(0.1)
    assert standing_out.largest_area(val(small, np.array([[0, 0, 90, 70]]))) == 0.5
    assert standing_out.largest_area(val(NONE)) == 0.5
