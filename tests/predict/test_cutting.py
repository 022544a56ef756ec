from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.predict import cutting
from pipeline.predict.cutting import RegionSettings, Validation
from pipeline.predict.regions import extract_regions

NONE = np.empty((0, 4))


def two_peaks(high: float = 0.9, low: float = 0.3) -> np.ndarray:
    """A block of 4 x 4 and, apart, one of 2 x 2 pixels."""
    region_map = np.zeros((20, 30), np.float32)
    region_map[2:6, 3:7], region_map[12:14, 20:22] = high, low
    return region_map


def test_candidates_are_more_than_what_is_shown() -> None:
    settings = RegionSettings(0.8, 0.0, 5, sensitive_threshold=0.5, candidate_threshold=0.1, peak_share=0.1)
    assert [region.box for region in settings.candidates(two_peaks())] == [(2, 3, 4, 4), (12, 20, 2, 2)]
    assert [region.box for region in settings.visible_regions(two_peaks())] == [(2, 3, 4, 4)]
    assert [settings.is_sure(region) for region in settings.visible_regions(two_peaks(0.7))] == [False]


def test_what_is_unlikely_or_too_large_is_no_more_than_a_candidate() -> None:
    settings = RegionSettings(0.2, 0.0, 5)
    likely, small = replace(settings, min_score=0.5), replace(settings, max_area_share=4 / 600)
    assert [region.box for region in likely.visible_regions(two_peaks())] == [(2, 3, 4, 4)]
    assert [region.box for region in small.visible_regions(two_peaks())] == [(12, 20, 2, 2)]
    assert len(likely.candidates(two_peaks())) == len(small.candidates(two_peaks())) == 2


def test_settings_of_old_bundles_cut_at_one_threshold() -> None:
    settings = RegionSettings(0.2, 0.01, 5)
    (region,) = settings.visible_regions(two_peaks())
    assert (region.box, region.score) == ((2, 3, 4, 4), pytest.approx(0.9))  # the other is too small


def test_scores_follow_the_calibration_of_the_strength() -> None:
    settings = RegionSettings(0.2, 0.0, 5, score_slope=2.0, score_intercept=-1.0)
    expected = 1 / (1 + np.exp(-(2 * np.log(0.9 / 0.1) - 1)))
    assert settings.candidates(two_peaks())[0].score == pytest.approx(expected, rel=1e-5)


def test_a_box_is_matched_once_and_by_the_strongest() -> None:
    regions = extract_regions(two_peaks(), 0.1)
    both = np.array([[2, 3, 4, 4]])
    assert cutting.overlaps(regions, both).tolist() == [1, 0]
    assert cutting.overlaps(regions, np.array([[2, 3, 4, 8], [12, 20, 2, 2]])).tolist() == [0.5, 1]
    assert cutting.overlaps(regions, NONE).tolist() == [0, 0]


def test_what_overlaps_too_little_leaves_the_box_to_others() -> None:
    large, small = extract_regions(two_peaks(), 0.1)
    beside = replace(large, row=0, column=0, height_px=13, width_px=21)  # a pixel of four, and much else
    assert cutting.overlaps([beside, small], np.array([small.box])).tolist() == [pytest.approx(1 / 276), 0]
    assert cutting.overlaps([beside, small], np.array([small.box]), 0.3).tolist() == [0, 1]


def test_average_precision_counts_the_false_before_each_hit() -> None:
    first, second = extract_regions(two_peaks(), 0.1), extract_regions(two_peaks(0.8, 0.2), 0.1)
    boxes = [NONE, np.array([[2, 3, 4, 4], [12, 20, 2, 4]])]  # false, hit, false, hit by half
    val = Validation(boxes, np.full(2, 4000), np.ones(2))
    assert cutting.average_precision([first, second], val, 0.5) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert cutting.average_precision([first, second], val, 0.6) == pytest.approx(1 / 2 / 2)
    assert cutting.average_precision([[], []], val, 0.5) == 0
    weighed = replace(val, weight=np.array([0.5, 1.0]))
    assert cutting.average_precision([first, second], weighed, 0.6) == pytest.approx(1 / 1.5 / 2)


def chosen(candidates: dict[float, list], boxes: list[np.ndarray]) -> tuple[float, ...]:
    ones = np.ones(len(boxes))
    return cutting.choose_cut(candidates, Validation(boxes, np.full(len(boxes), 4000), ones))


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
    threshold = cutting.threshold_at_false_marks(candidates, np.ones(2), false_marks=allowed)
    assert sum(region.evidence >= threshold for own in candidates for region in own) == shown


@pytest.mark.parametrize(("share", "shown"), [(0.0, 0), (0.1, 1), (0.35, 3), (1.0, 9)])
def test_so_many_unfractured_radiographs_show_a_region(share, shown):
    maxima = np.arange(1, 11, dtype=np.float32) / 10
    threshold = cutting.map_threshold_from_unfractured(maxima, false_region_share=share)
    assert (maxima >= threshold).sum() == shown


def test_tied_maxima_are_all_kept_out():
    assert cutting.map_threshold_from_unfractured(np.ones(5, np.float32)) > 1


def test_no_threshold_comes_from_no_radiograph() -> None:
    with pytest.raises(ValueError, match="not fractured"):
        cutting.map_threshold_from_unfractured(np.array([]))
