from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.predict.regions import extract_regions
from pipeline.region_maps import matching
from pipeline.region_maps.matching import Validation
from tests.predict.peaks import two_peaks

NONE = np.empty((0, 4))


def test_a_box_is_matched_once_and_by_the_strongest() -> None:
    regions = extract_regions(two_peaks(), 0.1)
    both = np.array([[2, 3, 4, 4]])
    assert matching.overlaps(regions, both).tolist() == [1, 0]
    assert matching.overlaps(regions, np.array([[2, 3, 4, 8], [12, 20, 2, 2]])).tolist() == [0.5, 1]
    assert matching.overlaps(regions, NONE).tolist() == [0, 0]


def test_what_overlaps_too_little_leaves_the_box_to_others() -> None:
    large, small = extract_regions(two_peaks(), 0.1)
    beside = replace(large, row=0, column=0, height_px=13, width_px=21)  # a pixel of four, and much else
    assert matching.overlaps([beside, small], np.array([small.box])).tolist() == [pytest.approx(1 / 276), 0]
    assert matching.overlaps([beside, small], np.array([small.box]), 0.3).tolist() == [0, 1]


def test_average_precision_counts_the_false_before_each_hit() -> None:
    first, second = extract_regions(two_peaks(), 0.1), extract_regions(two_peaks(0.8, 0.2), 0.1)
    boxes = [NONE, np.array([[2, 3, 4, 4], [12, 20, 2, 4]])]  # false, hit, false, hit by half
    val = Validation(boxes, np.full(2, 4000), np.ones(2))
    assert matching.average_precision([first, second], val, 0.5) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert matching.average_precision([first, second], val, 0.6) == pytest.approx(1 / 2 / 2)
    assert matching.average_precision([[], []], val, 0.5) == 0
    weighed = replace(val, weight=np.array([0.5, 1.0]))
    assert matching.average_precision([first, second], weighed, 0.6) == pytest.approx(1 / 1.5 / 2)
