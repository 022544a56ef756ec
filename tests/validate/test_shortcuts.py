import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.validate import shortcuts

DARK = np.full((256, 200), 30, np.uint8)


def test_border_strips_are_distinguished():
    framed = DARK.copy()
    framed[:, :10] = 0
    framed[:12] = 255
    top, bottom, left, right = shortcuts.border_features(framed).reshape(4, 4)
    assert top[0] == pytest.approx(12 / 15 * 255 + 3 / 15 * 30, abs=3)
    assert bottom[0] == pytest.approx(30, abs=3)
    assert left[2] == pytest.approx(10 / 12 * 241 / 256, abs=0.04)
    assert right[3] == pytest.approx(12 / 256, abs=0.02)


def test_without_markers_nothing_is_found():
    assert shortcuts.marker_features(DARK).tolist() == [0, 0, 0, -1, -1, 0, 0, 30]


def test_a_lead_plate_is_found_where_it_is():
    marked = DARK.copy()
    marked[20:32, 150:160] = 255
    count, share, area, row, column, line, saturated, bright = shortcuts.marker_features(marked)
    assert (count, area, line, bright) == (1, 120, 1, 255)
    assert (row, column) == pytest.approx((25.5 / 256, 154.5 / 200))
    assert share == saturated == 120 / DARK.size


def test_letters_in_a_line_are_text():
    marked = DARK.copy()
    cv2.putText(marked, "H8N7", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)
    assert shortcuts.marker_features(marked)[5] == 4


@given(seed=st.integers(0, 10_000))
def test_markers_are_counted_as_by_scipy(seed):
    rng = np.random.default_rng(seed)
    marked = np.where(cv2.dilate(rng.random((256, 200)), np.ones((2, 3))) > 0.999, 255, 30).astype(np.uint8)
    labels, n_parts = ndimage.label(marked > 200, np.ones((3, 3)))
    areas = [np.count_nonzero(labels == part) for part in range(1, n_parts + 1)]
    heights = [rows.stop - rows.start for rows, _ in ndimage.find_objects(labels)]
    widths = [columns.stop - columns.start for _, columns in ndimage.find_objects(labels)]
    sizes = [
        area
        for area, height, width in zip(areas, heights, widths, strict=True)
        if 4 <= area <= 300 and area > 0.2 * height * width
    ]
    count, share, largest = shortcuts.marker_features(marked)[:3]
    assert (count, share, largest) == (len(sizes), sum(sizes) / marked.size, max(sizes, default=0))


def test_a_flat_border_does_not_vary():
    flat = np.full((1200, 986), 57, np.uint8)
    assert shortcuts.border_features(flat).reshape(4, 4)[:, :2].tolist() == [[57, 0]] * 4


def test_a_bright_bone_is_no_marker():
    bone = DARK.copy()
    bone[:, 80:120] = 230
    assert shortcuts.marker_features(bone)[0] == 0


def test_markers_are_the_same_at_any_resolution():
    marked = DARK.copy()
    marked[20:32, 150:160] = 255
    large = cv2.resize(marked, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    np.testing.assert_allclose(shortcuts.marker_features(large), shortcuts.marker_features(marked), atol=0.02)


def test_histograms_share_out_the_pixels_from_dark_to_bright():
    thumbnails = np.stack([np.full((8, 8), 0), np.full((8, 8), 255)]).astype(np.uint8)
    thumbnails[0, :2] = 8  # the second of 32 levels
    dark, bright = shortcuts.histogram_features(thumbnails)
    assert dark[:3].tolist() == [0.75, 0.25, 0]
    assert bright[-1] == dark.sum() == 1


def test_size_features_hold_a_column_a_format_and_mode():
    files = pd.DataFrame(
        {
            "height_px": pd.array([100, 50], "Int64"),
            "width_px": pd.array([50, 50], "Int64"),
            "n_bytes": [5000, 100],
            "format": ["JPEG", "PNG"],
            "mode": ["L", "L"],
        }
    )
    assert shortcuts.size_features(files).tolist() == [
        [100, 50, 2, 5000, 1, 1, 0, 1],
        [50, 50, 1, 100, 0.04, 0, 1, 1],
    ]
