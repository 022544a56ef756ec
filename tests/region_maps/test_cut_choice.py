from __future__ import annotations

import numpy as np
import pytest

from pipeline.predict.regions import extract_regions
from pipeline.region_maps import cut_choice
from pipeline.region_maps.matching import Validation
from tests.predict.peaks import two_peaks

NONE = np.empty((0, 4))


def chosen(candidates: dict[float, list], boxes: list[np.ndarray]) -> tuple[float, ...]:
    ones = np.ones(len(boxes))
    return cut_choice.choose_cut(candidates, Validation(boxes, np.full(len(boxes), 4000), ones))


def test_the_threshold_that_agrees_best_is_taken() -> None:
    maps = [extract_regions(two_peaks(), 0.1), extract_regions(two_peaks(0.6, 0.2), 0.1)]
    share, area, threshold, agreement = chosen({0.5: maps}, [np.array([[2, 3, 4, 4]]), NONE])
    # With the first peak alone: one region, one box, all of it. Each further region is false.
    assert (share, area, threshold, agreement) == (0.5, 0.0, pytest.approx(0.9), pytest.approx(1.0))


def test_an_area_is_asked_where_small_regions_are_false() -> None:
    small_is_strong = [extract_regions(two_peaks(0.3, 0.9), 0.1)]
    _, area, threshold, agreement = chosen({0.5: small_is_strong}, [np.array([[2, 3, 4, 4]])])
    assert 4 < area * 4000 <= 16  # the small one is dropped, the annotated one stays
    assert (threshold, agreement) == (pytest.approx(0.3), pytest.approx(1.0))


def test_without_regions_nothing_agrees() -> None:
    assert chosen({0.5: [[]]}, [np.array([[2, 3, 4, 4]])])[2:] == (1.0, 0.0)


@pytest.mark.parametrize(("allowed", "shown"), [(0.0, 0), (0.5, 1), (1.0, 2), (1.5, 3), (2.0, 4), (9.0, 4)])
def test_so_many_regions_are_shown_without_a_fracture(allowed: float, shown: int) -> None:
    candidates = [extract_regions(two_peaks(*peaks), 0.1) for peaks in ((0.9, 0.3), (0.8, 0.2))]
    threshold = cut_choice.threshold_at_false_marks(candidates, np.ones(2), false_marks=allowed)
    assert sum(region.evidence >= threshold for own in candidates for region in own) == shown


@pytest.mark.parametrize(("share", "shown"), [(0.0, 0), (0.1, 1), (0.35, 3), (1.0, 9)])
def test_so_many_unfractured_radiographs_show_a_region(share, shown):
    maxima = np.arange(1, 11, dtype=np.float32) / 10
    threshold = cut_choice.map_threshold_from_unfractured(maxima, false_region_share=share)
    assert (maxima >= threshold).sum() == shown


def test_tied_maxima_are_all_kept_out():
    assert cut_choice.map_threshold_from_unfractured(np.ones(5, np.float32)) > 1


def test_no_threshold_comes_from_no_radiograph() -> None:
    with pytest.raises(ValueError, match="not fractured"):
        cut_choice.map_threshold_from_unfractured(np.array([]))
