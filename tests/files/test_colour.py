import cv2
import numpy as np
import pytest

from pipeline.files import colour

FILM = np.clip(np.random.default_rng(0).normal(90, 40, (200, 160)), 0, 255)[..., None]
GREY = np.repeat(FILM, 3, axis=2).astype(np.uint8)
HUES = np.random.default_rng(1).integers(0, 255, (200, 160, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("tint", "most"), [((1, 1, 1), 0), ((0.7, 0.85, 1), 3), ((1, 0.9, 0.6), 3)], ids=["grey", "blue", "sepia"]
)
def test_a_tint_is_no_colour(tint, most):
    assert colour.departure((FILM * np.array(tint)).astype(np.uint8)) <= most


def test_many_hues_of_one_brightness_are_colour():
    assert colour.departure(cv2.GaussianBlur(HUES, (0, 0), 3)) > 4


def marked():
    drawn = GREY.copy()
    cv2.arrowedLine(drawn, (20, 180), (90, 90), (255, 0, 0), 4)
    cv2.circle(drawn, (90, 90), 30, (255, 255, 0), 4)
    return drawn


def test_marks_on_a_radiograph_are_marks_and_no_colour_photograph():
    assert colour.codes(marked()) == ["colour_marks"]
    assert colour.departure(marked()) < 3


@pytest.mark.parametrize(
    ("rgb", "codes"), [(GREY, []), (HUES, ["colour"]), (marked()[:1, :1], [])], ids=["grey", "hues", "pixel"]
)
def test_the_share_of_strong_colours_decides(rgb, codes):
    assert colour.codes(rgb) == codes
