from __future__ import annotations

import numpy as np
import pytest

from pipeline.preprocess import outlines


def drawn(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((64, 64, 1), np.uint8)
    mask[rows, columns] = 255
    return mask


def sides_when_turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Height and width of the box around points that are turned."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.ptp(points @ np.array([[cosine, -sine], [sine, cosine]]), axis=0)


def test_an_outline_spans_the_centres_of_its_pixels() -> None:
    points = outlines.of_mask(drawn(slice(10, 20), slice(30, 51)))
    assert points.shape == (outlines.N_POINTS, 2)
    assert (points.min(axis=0), points.max(axis=0)) == (
        pytest.approx((10.5, 30.5)),
        pytest.approx((19.5, 50.5)),
    )


@pytest.mark.parametrize("degrees", [-20, 7, 20, 45])
def test_the_box_of_a_turned_line_stays_tight(degrees: float) -> None:
    line = np.eye(40, dtype=bool)
    mask = np.zeros((64, 64, 1), np.uint8)
    mask[5:45, 10:50, 0] = line
    pixels = np.argwhere(mask[..., 0]) + 0.5
    found = sides_when_turned(outlines.of_mask(mask), degrees)
    assert found == pytest.approx(sides_when_turned(pixels, degrees), abs=0.2)


@pytest.mark.parametrize("degrees", [-20, 20, 90])
def test_of_a_box_the_ellipse_inside_is_turned(degrees: float) -> None:
    height, width = 9.0, 20.0  # between the centres of the outermost pixels
    found = sides_when_turned(outlines.of_mask(drawn(slice(10, 20), slice(30, 51))), degrees)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    ellipse = (np.hypot(height * cosine, width * sine), np.hypot(height * sine, width * cosine))
    assert found == pytest.approx(ellipse, abs=0.2)
