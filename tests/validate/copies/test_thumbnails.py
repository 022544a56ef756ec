import cv2
import numpy as np
import pytest

from pipeline.validate.copies import thumbnails

NOISE = np.random.default_rng(4).integers(60, 200, (60, 40)).astype(np.uint8)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((384, 384), (192, 192)),
        ((96, 48), (192, 96)),
        ((1000, 2000), (96, 192)),
        ((373, 454), (158, 192)),
        ((1, 1), (192, 192)),
        ((1, 500), (2, 192)),
        ((5000, 32), (192, 2)),
    ],
)
def test_the_longer_side_is_192_and_both_are_even(shape, expected):
    assert thumbnails.shrink(np.full(shape, 7, np.uint8)).shape == expected


def test_a_flat_radiograph_has_a_flat_thumbnail_and_no_detail():
    small = thumbnails.shrink(np.full((300, 200), 90, np.uint8))
    detail, counts = thumbnails.detail(small)
    assert set(small.ravel().tolist()) == {90}
    assert not detail.any()
    assert not counts.any()


def test_a_thumbnail_of_whole_blocks_is_their_mean():
    pixels = np.random.default_rng(5).integers(0, 255, (384, 384)).astype(np.uint8)
    mean = pixels.reshape(192, 2, 192, 2).mean(axis=(1, 3))
    assert np.abs(thumbnails.shrink(pixels) - mean).max() <= 0.5


@pytest.mark.parametrize("level", [0, 255])
def test_bars_beside_the_picture_are_no_content(level):
    framed = cv2.copyMakeBorder(NOISE, 9, 5, 0, 7, cv2.BORDER_CONSTANT, value=level)
    expected = np.zeros(framed.shape, np.bool_)
    expected[9:69, :40] = True
    np.testing.assert_array_equal(thumbnails.content(framed), expected)


def test_the_corners_of_a_rotation_are_no_content():
    turn = cv2.getRotationMatrix2D((95.5, 95.5), 30, 1.0)
    disc = np.hypot(*(np.indices((192, 192)) - 95.5)) < 90
    inside = thumbnails.content(cv2.warpAffine(np.full((192, 192), 200, np.uint8), turn, (192, 192)))
    assert inside[disc].all()
    assert not inside[[0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_a_dark_place_within_the_picture_is_content():
    pixels = NOISE.copy()
    pixels[20:40, 10:30] = 0
    framed = cv2.copyMakeBorder(pixels, 9, 9, 9, 9, cv2.BORDER_CONSTANT, value=0)
    assert thumbnails.content(framed)[29:49, 19:39].all()


@pytest.mark.parametrize(("deviation", "is_content"), [(6, False), (7, True)])
def test_a_margin_may_vary_by_six_levels(deviation, is_content):
    pixels = np.full((20, 20), 10, np.uint8)
    pixels[5, 5] += deviation
    assert thumbnails.content(pixels)[5, 5] == is_content


def test_detail_is_the_same_at_half_the_contrast(hand):
    small = thumbnails.shrink(hand)
    detail, counts = thumbnails.detail(small)
    fainter, fainter_counts = thumbnails.detail(small // 2 + 60)
    both = counts & fainter_counts
    assert both.sum() > 0.8 * counts.sum()
    assert np.corrcoef(detail[both], fainter[both])[0, 1] > 0.95


def test_a_negative_has_the_negative_detail(hand):
    small = thumbnails.shrink(hand)
    (detail, counts), (negative, negative_counts) = thumbnails.detail(small), thumbnails.detail(255 - small)
    np.testing.assert_array_equal(counts, negative_counts)
    np.testing.assert_allclose(detail, -negative, atol=0.01)


def test_margins_have_no_detail_and_their_rims_do_not_count():
    framed = cv2.copyMakeBorder(NOISE, 10, 10, 10, 10, cv2.BORDER_CONSTANT, value=0)
    detail, counts = thumbnails.detail(framed)
    expected = np.zeros(framed.shape, np.bool_)
    expected[12:68, 12:48] = True
    np.testing.assert_array_equal(counts, expected)
    assert not detail[:10].any()


def test_the_rim_of_the_frame_is_taken_off():
    expected = np.pad(np.ones((2, 3), np.bool_), 1)
    np.testing.assert_array_equal(thumbnails.without_rim(np.ones((4, 5), np.bool_), 1), expected)


@pytest.mark.parametrize(("shape", "half"), [((192, 96), (96, 48)), ((192, 2), (96, 1)), ((1, 1), (1, 1))])
def test_thumbnails_are_halved_to_whole_pixels(shape, half):
    assert thumbnails.halved(np.zeros(shape, np.uint8)).shape == half
