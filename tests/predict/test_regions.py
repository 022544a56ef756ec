from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.special import expit, logit

from pipeline.predict import regions


def two_blobs():
    region_map = np.zeros((20, 30), np.float32)
    region_map[2:5, 10:20] = 0.6
    region_map[12:15, 3:5] = 0.7
    region_map[13, 4] = 0.9
    return region_map


def test_regions_come_with_the_highest_score_first():
    first, second = regions.extract_regions(two_blobs(), 0.5)
    assert first.box == (12, 3, 3, 2)
    assert first.score == pytest.approx(0.9)
    assert first.peak == (13, 4)
    assert first.area_px == 6
    assert second.box == (2, 10, 3, 10)
    assert sorted(second.contour.tolist()) == [[2, 10], [2, 19], [4, 10], [4, 19]]


def test_small_regions_are_dropped_and_the_rest_is_cut():
    assert [region.box for region in regions.extract_regions(two_blobs(), 0.5, min_area_px=7)] == [
        (2, 10, 3, 10)
    ]
    assert [region.box for region in regions.extract_regions(two_blobs(), 0.5, max_regions=1)] == [
        (12, 3, 3, 2)
    ]


def test_pixels_that_touch_at_a_corner_are_one_region():
    (region,) = regions.extract_regions(np.eye(4, dtype=np.float32), 1.0)
    assert region.area_px == 4
    assert region.box == (0, 0, 4, 4)


@pytest.mark.parametrize(("value", "n_regions"), [(0.0, 0), (0.4, 0), (0.5, 1), (1.0, 1)])
def test_a_constant_map_is_one_region_or_none(value, n_regions):
    assert len(regions.extract_regions(np.full((5, 9), value, np.float32), 0.5)) == n_regions


def test_a_ring_keeps_its_hole_out_of_its_area():
    ring = np.ones((5, 5), np.float32)
    ring[1:4, 1:4] = 0
    (region,) = regions.extract_regions(ring, 0.5)
    assert (region.area_px, region.box) == (16, (0, 0, 5, 5))


@given(arrays(np.float32, (9, 13), elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])))
def test_regions_equal_those_of_scipy(region_map):
    labels, n_labels = ndimage.label(region_map >= 0.5, structure=np.ones((3, 3)))
    found = regions.extract_regions(region_map, 0.5, max_regions=117)
    slices = ndimage.find_objects(labels)
    boxes = [(r.start, c.start, r.stop - r.start, c.stop - c.start) for r, c in slices]
    peaks = ndimage.maximum(region_map, labels, range(1, n_labels + 1)) if n_labels else []
    assert sorted(region.box for region in found) == sorted(boxes)
    assert sorted(region.score for region in found) == sorted(peaks)
    assert all(region_map[region.peak] == region.score for region in found)


@pytest.mark.parametrize(
    ("region_map", "threshold", "rule"),
    [
        (np.ones((4, 4)), 0.0, "above 0"),
        (np.full((4, 4), np.nan), 0.5, "without NaN"),
        (np.ones((4, 4, 1)), 0.5, "shape"),
        (np.ones((0, 4)), 0.5, "shape"),
    ],
)
def test_what_is_no_map_is_refused(region_map, threshold, rule):
    with pytest.raises(ValueError, match=rule):
        regions.extract_regions(region_map, threshold)


def test_a_region_reaches_down_to_its_share_of_the_peaks_odds():
    # Odds of 9, of which a ninth is 1 (0.5), and of 2 / 3, of which a ninth is 0.07 (0.069).
    row = np.array([0.1, 0.3, 0.51, 0.9, 0.51, 0.3, 0.05, 0.0, 0.07, 0.4, 0.07], np.float32)
    found = regions.extract_regions(row[None], 0.01, peak_share=1 / 9)
    assert [(region.column, region.width_px) for region in found] == [(2, 3), (8, 3)]
    assert [region.score for region in found] == pytest.approx([0.9, 0.4])


def test_a_shoulder_is_no_region_of_its_own():
    # 0.42 is odds of 0.72; a half, 0.36, is 0.27: down there, 0.9 is joined by way of 0.4.
    row = np.array([0.0, 0.9, 0.4, 0.42, 0.0, 0.0], np.float32)
    (region,) = regions.extract_regions(row[None], 0.05, peak_share=0.5)
    assert (region.column, region.width_px) == (1, 1)


@given(
    arrays(np.float32, (9, 13), elements=st.sampled_from([0.0, 0.25, 0.4, 0.6, 0.85, 0.95])),
    st.sampled_from([0.0, 0.3, 0.5, 0.9]),
)
def test_regions_never_overlap_and_each_holds_its_own_peak(region_map, share):
    found = regions.extract_regions(region_map, 0.1, peak_share=share, max_regions=117)
    covered = np.zeros(region_map.shape, int)
    for region in found:
        level = max(0.1, expit(logit(region.evidence) + np.log(share)) if share else 0.0)
        level = np.float32(min(level, region.evidence))
        labels, _ = ndimage.label(region_map >= level, structure=np.ones((3, 3)))
        own = labels == labels[region.peak]
        assert (region.area_px, region_map[own].max()) == (own.sum(), region_map[region.peak])
        covered += own
    assert covered.max(initial=0) <= 1


def test_a_peak_beyond_a_valley_is_a_region_of_its_own_though_both_reach_across_it():
    # 0.8 is odds of 4, 0.6 of 1.5; the valley, 0.25, of 0.33: a fifth of those of 0.6.
    row = np.array([0.0, 0.8, 0.5, 0.25, 0.6, 0.25, 0.0], np.float32)
    (joined,) = regions.extract_regions(row[None], 0.01, peak_share=0.05)
    assert (joined.column, joined.width_px) == (1, 5)
    (shoulder,) = regions.extract_regions(row[None], 0.01, peak_share=0.05, valley_share=0.2)
    assert shoulder.box == joined.box
    found = regions.extract_regions(row[None], 0.01, peak_share=0.05, valley_share=0.3)
    assert [(region.column, region.width_px, region.peak) for region in found] == [
        (1, 2, (0, 1)),
        (4, 1, (0, 4)),
    ]


@given(
    arrays(np.float32, (9, 13), elements=st.sampled_from([0.0, 0.25, 0.4, 0.6, 0.85, 0.95])),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.sampled_from([0.0, 0.3, 0.6, 1.0]),
    st.integers(1, 6),
)
def test_valleys_part_regions_that_hold_no_peak_but_their_own(region_map, share, valley, n):
    found = regions.extract_regions(region_map, 0.1, peak_share=share, valley_share=valley, max_regions=n)
    without = regions.extract_regions(region_map, 0.1, peak_share=share, max_regions=n)
    covered = np.zeros(region_map.shape, int)
    for region in found:
        rows, columns = (
            slice(start, start + size) for start, size in zip(region.box[:2], region.box[2:], strict=True)
        )
        labels, _ = ndimage.label(region_map >= lowest_inside(region_map, region), structure=np.ones((3, 3)))
        own = labels == labels[region.peak]
        assert own[rows, columns].sum() == own.sum() == region.area_px
        assert region_map[own].max() == region.evidence
        covered += own
    assert covered.max(initial=0) <= 1
    assert len(found) >= len(without)
    assert [region.evidence for region in found][:1] == [region.evidence for region in without][:1]


def lowest_inside(region_map, region):
    """Lowest level whose connected part around the peak is as large as the region."""
    for level in np.unique(region_map):
        labels, _ = ndimage.label(region_map >= level, structure=np.ones((3, 3)))
        if (labels == labels[region.peak]).sum() == region.area_px:
            return level
    raise AssertionError(f"no level gives {region}")


@pytest.mark.parametrize("share", [-0.1, 1.1, np.nan])
@pytest.mark.parametrize("name", ["peak_share", "valley_share"])
def test_a_share_of_the_peak_is_a_share(name, share):
    with pytest.raises(ValueError, match="Received"):
        regions.extract_regions(two_blobs(), 0.5, **{name: share})
