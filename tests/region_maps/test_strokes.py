import numpy as np
import pytest

from pipeline.region_maps import strokes


def test_corners_of_a_box_run_clockwise_as_row_and_column():
    assert strokes.corners(2, 3, 10, 20).tolist() == [[2, 3], [2, 23], [12, 23], [12, 3]]


def test_an_outline_lies_on_its_points_with_a_dark_rim():
    canvas = np.full((40, 60, 3), 255, np.uint8)
    strokes.outline(canvas, strokes.corners(10, 5, 20, 50), (0, 200, 255), 3)
    assert canvas[10, 30].tolist() == [0, 200, 255]
    assert (canvas[5:10, 30].max(axis=1) < 128).any()
    assert canvas[20, 30].tolist() == [255, 255, 255]


def test_dashes_leave_gaps():
    canvas = np.zeros((40, 60, 3), np.uint8)
    strokes.outline(canvas, strokes.corners(10, 5, 20, 50), (255, 255, 255), 1, dash_px=5)
    assert 0.3 < (canvas[10, 5:55, 0] > 128).mean() < 0.8


def test_a_single_point_is_drawn():
    canvas = np.zeros((9, 9, 3), np.uint8)
    strokes.outline(canvas, np.array([[4.0, 4.0]]), (255, 255, 255), 1, dash_px=3)
    assert canvas[4, 4].any()


def test_a_short_text_is_kept():
    assert strokes.fit("a.png", strokes.font(12), 400) == "a.png"


def test_a_long_text_keeps_both_ends():
    face = strokes.font(12)
    shown = strokes.fit("test/fractured/" + "x" * 200 + "-rotated1.png", face, 150)
    assert face.getlength(shown) <= 150
    assert shown.startswith("test/")
    assert shown.endswith("1.png")


@pytest.mark.parametrize("name", ["a\nb.png", "a\tb.png", "a\x00b.png", "a\udcffb.png"])
def test_characters_that_cannot_be_shown_are_replaced(name):
    assert strokes.fit(name, strokes.font(12), 400) == "a\N{REPLACEMENT CHARACTER}b.png"
