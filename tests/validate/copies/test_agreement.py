import cv2
import numpy as np
import pytest

from pipeline.types import UInt8Array
from pipeline.validate.copies import thumbnails
from pipeline.validate.copies.agreement import NOTHING, Agreement, agreement

SAME = np.eye(2, 3)


def shifted(columns: float, rows: float = 0) -> np.ndarray:
    return np.array([[1.0, 0, columns], [0, 1, rows]])


def compared(first: UInt8Array, second: UInt8Array, transform: np.ndarray = SAME) -> Agreement:
    return agreement(thumbnails.detail(first), thumbnails.detail(second), transform, least_correlation=0)[0]


def lettered(small: UInt8Array) -> UInt8Array:
    for row in (60, 100, 140):
        small = cv2.putText(small.copy(), "HOSPITAL", (10, row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    return small


def test_a_radiograph_agrees_with_itself(hand):
    found = compared(thumbnails.shrink(hand), thumbnails.shrink(hand))
    assert found[:3] == pytest.approx((1, 0, 1), abs=1e-5)
    assert found.common == pytest.approx(1)
    assert found.spread == pytest.approx(1)
    assert not found.inverted
    assert found.score == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("n_pixels", [1, 2])
def test_what_is_shifted_by_parts_of_a_pixel_has_moved(hand, n_pixels):
    """Means of 3 x 3 pixels, the second's taken one or two further on; so few show somewhat more."""
    blocks = cv2.blur(hand, (3, 3))
    first, second = (
        np.ascontiguousarray(blocks[1:481:3, start : 480 + start : 3]) for start in (1, 1 + n_pixels)
    )
    assert compared(first, second).moved_px == pytest.approx(n_pixels / 3, rel=0.3)
    assert compared(first, second, shifted(-n_pixels / 3)).moved_px < 0.1


def test_a_shift_costs_three_quarters_of_its_length():
    found = NOTHING._replace(correlation=0.9, moved_px=0.2)
    assert found.score == pytest.approx(0.9 - 0.75 * 0.2)


def test_a_negative_is_noticed_and_must_correlate_better(hand):
    small = thumbnails.shrink(hand)
    found = compared(small, 255 - small)
    assert found.inverted
    assert found.correlation == pytest.approx(1, abs=1e-3)
    assert found.likeness == pytest.approx(found.correlation - 0.08)


def test_margins_do_not_count(hand):
    small = thumbnails.shrink(hand)
    framed = cv2.copyMakeBorder(small, 20, 20, 40, 40, cv2.BORDER_CONSTANT, value=255)
    found = compared(small, framed, shifted(40, 20))
    assert found.overlap > 0.98
    assert found.correlation > 0.99
    assert found.common > 0.98


def test_of_two_halves_that_share_a_quarter_half_of_either_overlaps():
    noise = np.random.default_rng(10).integers(0, 255, (100, 160)).astype(np.uint8)
    found = compared(noise[:, :80], noise[:, 40:120], shifted(-40))
    assert found.overlap == pytest.approx(0.5, abs=0.05)
    assert found.correlation == pytest.approx(1, abs=0.02)


def test_a_crop_overlaps_wholly(hand):
    small = thumbnails.shrink(hand)
    found = compared(small, small[30:150, 20:140], shifted(-20, -30))
    assert found.overlap > 0.99
    assert found.structure < compared(small, small).structure


def test_text_on_one_lowers_the_correlation_of_all_but_not_of_most_places(hand):
    small = thumbnails.shrink(hand)
    (detail, counts), (other, _) = thumbnails.detail(small), thumbnails.detail(lettered(small))
    assert np.corrcoef(detail[counts], other[counts])[0, 1] < 0.75
    assert compared(small, lettered(small)).correlation > 0.95


def test_text_on_one_is_left_out_of_what_agrees(hand):
    small = thumbnails.shrink(hand)
    written = thumbnails.detail(lettered(small))
    _, roughly = agreement(thumbnails.detail(small), written, SAME, least_correlation=0)
    written = lettered(small) != small
    assert roughly[written].mean() < 0.5 * roughly[~written].mean()


def test_the_same_text_in_two_radiographs_spreads_over_neither(hands):
    hand, other = (cv2.resize(thumbnails.shrink(pixels), (192, 192)) for pixels in hands[:2])
    stamped = [
        cv2.putText(pixels.copy(), "CITY HOSPITAL", (5, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)
        for pixels in (hand, other)
    ]
    found = compared(*stamped)
    assert found.spread < 0.6
    assert found.common < 0.6


def test_another_hand_does_not_agree(hands):
    found = compared(thumbnails.shrink(hands[0]), thumbnails.shrink(hands[1]))
    assert found.score < 0
    assert found.common < 0.3


@pytest.mark.parametrize("shape", [(192, 192), (192, 2), (2, 2)])
def test_flat_thumbnails_have_nothing_in_common(shape):
    blank = [thumbnails.detail(np.full(shape, level, np.uint8)) for level in (9, 200)]
    found, roughly = agreement(*blank, SAME, least_correlation=0)
    assert found == NOTHING
    assert roughly.shape == shape
    assert not roughly.any()


def test_where_they_do_not_overlap_nothing_agrees(hand):
    small = thumbnails.shrink(hand)
    assert compared(small, small, shifted(1000)) == NOTHING
