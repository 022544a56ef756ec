from __future__ import annotations

import numpy as np
import pytest

from pipeline.predict.head_boxes import Cells, extract_boxes
from pipeline.predict.regions import Region

SIDE, GRID = 128, 16


def cells(peaks: dict[tuple[int, int], float], boxes: dict[tuple[int, int], tuple[float, ...]]) -> Cells:
    """Cells of 8 pixels, of which few say something; all others have a box of their own size."""
    probability = np.full((GRID, GRID), 1e-4)
    rows, columns = (np.indices((GRID, GRID)) + 0.5) * 8
    sides = np.stack([rows - 4, columns - 4, rows + 4, columns + 4], axis=-1)
    for place, peak in peaks.items():
        probability[place] = peak
        sides[place] = boxes[place]
    return Cells(probability, np.stack([rows, columns], axis=-1), sides)


def found(given: Cells, **changes: float) -> list[Region]:
    options = {"peak_share": 0.2, "valley_share": 0.25, "max_overlap": 0.3, "max_regions": 5}
    options |= {"weigh_agreement": False} | changes
    return extract_boxes(given, np.full((SIDE, SIDE), 0.5, np.float32), 0.01, **options)


def test_a_peak_has_the_box_that_its_cell_says() -> None:
    (region,) = found(cells({(4, 6): 0.9}, {(4, 6): (30.2, 40.4, 50.0, 60.9)}))
    assert region.box == (30, 40, 20, 21)
    assert (region.peak, region.evidence, region.area_px) == ((36, 52), 0.9, 420)
    assert region.contour.tolist() == [[30, 40], [30, 60], [49, 60], [49, 40]]


def test_cells_around_a_peak_are_averaged_by_their_odds() -> None:
    near = cells({(4, 6): 0.8, (4, 7): 0.5}, {(4, 6): (30, 40, 50, 60), (4, 7): (20, 40, 50, 70)})
    assert [region.box for region in found(near)] == [(28, 40, 22, 22)]  # odds of 4 and 1
    assert [region.box for region in found(near, peak_share=0.5)] == [(30, 40, 20, 20)]


def test_of_two_boxes_that_overlap_the_stronger_one_is_kept() -> None:
    two = {(4, 6): (30.0, 40.0, 50.0, 70.0), (4, 9): (30.0, 45.0, 50.0, 75.0)}
    assert [region.evidence for region in found(cells(dict.fromkeys(two, 0.6) | {(4, 9): 0.9}, two))] == [0.9]
    assert len(found(cells(dict.fromkeys(two, 0.6), two), max_overlap=0.8)) == 2


def test_only_the_strongest_regions_are_kept() -> None:
    peaks = {(2, 2): 0.4, (8, 8): 0.9, (13, 13): 0.6}
    boxes = {(row, column): (8 * row, 8 * column, 8 * row + 8, 8 * column + 8) for row, column in peaks}
    assert [region.evidence for region in found(cells(peaks, boxes), max_regions=2)] == [0.9, 0.6]


BOXES = {(3, 3): (16.0, 16.0, 40.0, 40.0), (11, 11): (80.0, 80.0, 104.0, 104.0)}  # three by three cells


def around(place: tuple[int, int]) -> list[tuple[int, int]]:
    return [(place[0] + down, place[1] + across) for down in (-1, 0, 1) for across in (-1, 0, 1)]


def test_a_box_is_as_strong_as_its_peak_times_the_agreement_of_the_cells_inside() -> None:
    low, high = BOXES
    peaks = dict.fromkeys(around(low), 1e-4) | {low: 0.6, high: 0.9}
    given = cells(peaks, dict.fromkeys(around(low), BOXES[low]) | {high: BOXES[high]})
    by_peak, by_both = found(given), found(given, weigh_agreement=True)
    assert [(region.evidence, region.strength) for region in by_peak] == [(0.9, 0.9), (0.6, 0.6)]
    assert [region.evidence for region in by_both] == [0.6, 0.9]
    assert [region.agreement for region in by_both] == pytest.approx([1, (1 + 8 / 9) / 9])  # 8 see a ninth
    assert by_both[1].strength == pytest.approx(0.9 * 17 / 81)


def test_of_two_boxes_that_overlap_the_one_whose_cells_agree_is_kept() -> None:
    place, other = (3, 3), (3, 6)
    boxes = dict.fromkeys(around(place), BOXES[place]) | {other: (16.0, 24.0, 40.0, 48.0)}
    given = cells(dict.fromkeys(around(place), 1e-4) | {place: 0.6, other: 0.9}, boxes)
    assert [region.evidence for region in found(given)] == [0.9]
    assert [region.evidence for region in found(given, weigh_agreement=True)] == [0.6]


def test_a_box_that_holds_no_cell_has_the_agreement_of_the_nearest_one() -> None:
    narrow = (33.0, 49.0, 35.0, 51.0)
    given = cells({(4, 6): 0.9}, {(4, 6): narrow})
    (region,) = found(given, weigh_agreement=True)
    assert (region.box, region.agreement) == ((33, 49, 2, 2), 1.0)


@pytest.mark.parametrize(
    "sides", [(-20.0, -20.0, 300.0, 300.0), (200.0, 200.0, 210.0, 210.0), (5.4, 5.4, 5.4, 5.4)]
)
def test_a_box_lies_on_the_radiograph_and_has_an_extent(sides: tuple[float, ...]) -> None:
    (region,) = found(cells({(4, 6): 0.9}, {(4, 6): sides}))
    row, column, height, width = region.box
    assert min(row, column) >= 0
    assert min(height, width) >= 1
    assert max(row + height, column + width) <= SIDE
