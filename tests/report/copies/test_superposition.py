import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.copies.superposition import between, superposed, toned

AS_IT_IS = np.eye(2, 3)
RAMP = np.arange(128, dtype=np.uint8).reshape(8, 16)
EVERYWHERE = np.ones(RAMP.shape, dtype=bool)


def test_what_agrees_is_grey():
    assert np.array_equal(superposed(RAMP, RAMP, AS_IT_IS), np.dstack([RAMP] * 3))


@pytest.mark.parametrize(("in_first", "colour"), [(True, (200, 100, 0)), (False, (0, 100, 200))])
def test_what_one_alone_shows_is_orange_or_blue(in_first, colour):
    plain = np.zeros((6, 6), np.uint8)
    drawn = plain.copy()
    drawn[2, 3] = 200
    pair = (drawn, plain) if in_first else (plain, drawn)
    picture = superposed(*pair, AS_IT_IS)
    assert tuple(picture[2, 3]) == colour
    assert np.count_nonzero(picture.any(axis=2)) == 1


def test_a_negative_is_turned_back():
    assert np.array_equal(superposed(RAMP, 255 - RAMP, AS_IT_IS, inverted=True), np.dstack([RAMP] * 3))


@pytest.mark.parametrize("inverted", [False, True])
def test_where_the_second_does_not_reach_the_first_is_alone(inverted):
    whole = np.full((4, 6), 90, np.uint8)
    right = np.full((4, 4), 165 if inverted else 90, np.uint8)  # shows columns 2 to 5
    picture = superposed(whole, right, np.array([[1.0, 0, -2], [0, 1, 0]]), inverted=inverted)
    assert (picture[:, :2] == (90, 45, 0)).all()
    assert (picture[:, 2:] == 90).all()


def test_a_turned_copy_is_laid_back():
    turned = np.ascontiguousarray(np.rot90(RAMP))
    there = np.array([[0.0, 1, 0], [-1, 0, RAMP.shape[1] - 1]])  # (column, row) to (row, width - 1 - column)
    assert np.array_equal(superposed(RAMP, turned, there), np.dstack([RAMP] * 3))


def test_another_exposure_shows_no_colour():
    assert np.array_equal(toned(2 * RAMP, RAMP, EVERYWHERE), RAMP)


def test_a_band_leaves_the_rest_as_it_is():
    banded = RAMP.copy()
    banded[5:] = 150
    assert np.array_equal(toned(banded, RAMP, EVERYWHERE), banded)


def test_nothing_in_common_is_left_as_it_is():
    assert np.array_equal(toned(2 * RAMP, RAMP, ~EVERYWHERE), 2 * RAMP)


def test_a_transform_between_files_becomes_one_between_their_pictures():
    doubled = np.array([[2.0, 0, 0.5], [0, 2, 0.5]])  # the centre of pixel 0 lies between 0 and 1
    found = between(doubled, ((100, 200), (50, 100)), ((200, 400), (50, 100)))
    assert found == pytest.approx(np.eye(2, 3))


@given(st.lists(st.floats(-5, 5), min_size=6, max_size=6), st.integers(2, 900), st.integers(2, 900))
def test_files_shown_whole_keep_their_transform(values, height_px, width_px):
    transform = np.array(values).reshape(2, 3)
    frame = ((height_px, width_px), (height_px, width_px))
    assert between(transform, frame, frame) == pytest.approx(transform)
