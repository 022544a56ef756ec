from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.predict import position


def bone(angle_deg: float, *, shape=(400, 300), length=240, width=40, centre=None) -> np.ndarray:
    """A bright bar with darker surroundings; at 0 degrees it stands upright."""
    pixels = np.full(shape, 40, np.uint8)
    middle = centre or (shape[1] / 2, shape[0] / 2)
    corners = cv2.boxPoints((middle, (width, length), angle_deg)).round().astype(np.int32)
    cv2.fillConvexPoly(pixels, corners, 170)
    return cv2.GaussianBlur(pixels, (0, 0), 1)


def along(angle_deg: float, share: float, shape=(400, 300), length=240) -> tuple[int, int]:
    """Point at a share of the bar's length, from its upper or left end."""
    turn = np.deg2rad(angle_deg)
    direction = np.array([np.cos(turn), -np.sin(turn)])
    direction *= np.sign(direction[0 if abs(direction[0]) >= abs(direction[1]) else 1])
    point = np.array(shape) / 2 + (share - 0.5) * length * direction
    return int(point[0]), int(point[1])


@pytest.mark.parametrize("angle", [0, 25, 60, 90, 120, 155])
@pytest.mark.parametrize(("share", "order"), [(0.15, 0), (0.5, 1), (0.85, 2)])
def test_thirds_are_told_along_the_bones_own_axis(angle, share, order):
    shape = (400, 400)
    found = position.locate(bone(angle, shape=shape), along(angle, share, shape))
    upright = angle <= 45 or angle >= 135
    assert found.third == (("upper", "middle", "lower") if upright else ("left", "middle", "right"))[order]


def test_a_thin_dark_line_does_not_end_the_bone():
    broken = bone(0)
    broken[198:202] = 40
    assert position.locate(broken, (300, 150)).third == "lower"
    assert position.locate(broken, (200, 150)).third == "middle"


def test_what_is_round_or_flat_has_no_thirds():
    disc = np.full((400, 300), 40, np.uint8)
    cv2.circle(disc, (150, 200), 60, 170, -1)
    for pixels in (disc, np.full((400, 300), 90, np.uint8)):
        assert position.locate(pixels, (200, 150)).third is None


def test_grain_has_no_axis():
    grain = np.random.default_rng(0).integers(0, 255, (300, 300)).astype(np.uint8)
    assert position.locate(grain, (150, 150)).third is None


@pytest.mark.parametrize(("column", "side"), [(10, "left"), (140, "centre"), (150, "centre"), (290, "right")])
def test_sides_are_those_of_the_image(column, side):
    assert position.locate(bone(0), (200, column)).side == side


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.floats(0, 1))
def test_any_radiograph_has_a_position(height, width, down, across):
    pixels = np.random.default_rng(0).integers(0, 255, (height, width)).astype(np.uint8)
    peak = (int(down * (height - 1)), int(across * (width - 1)))
    assert position.locate(pixels, peak).side in ("left", "centre", "right")


def test_a_peak_outside_is_refused():
    with pytest.raises(ValueError, match="in its radiograph"):
        position.locate(bone(0), (400, 0))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (position.Position("left", "upper"), "upper third of the bone as seen, left half of the image"),
        (position.Position("centre", "right"), "right third of the bone as seen, midline of the image"),
        (position.Position("right", None), "no clear bone axis, right half of the image"),
    ],
)
def test_places_in_words(place, words):
    assert place.words == words
