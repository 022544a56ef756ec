import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.validate.copies import alignment, keypoints, thumbnails
from pipeline.validate.copies.keypoints import NO_KEYPOINTS, Keypoints

SIDES = st.integers(2, 300)
KNOWN = {
    "turned": (30, 1.0, False),
    "turned over": (-170, 1.0, False),
    "larger": (5, 1.2, False),
    "smaller": (-8, 0.8, False),
    "mirrored": (0, 1.0, True),
    "mirrored and turned": (40, 0.9, True),
}


def made(degrees: float, scale: float, mirrored: bool, shape: tuple[int, ...]) -> np.ndarray:
    """Reverse the rows if mirrored, then turn anticlockwise as seen and scale about the centre."""
    n_rows, n_columns = shape
    turn = cv2.getRotationMatrix2D(((n_columns - 1) / 2, (n_rows - 1) / 2), degrees, scale)
    flip = np.array([[1, 0, 0], [0, -1, n_rows - 1], [0, 0, 1]])
    return turn @ flip if mirrored else turn


def changed(thumbnail: np.ndarray, transform: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(thumbnail, transform, thumbnail.shape[::-1], flags=cv2.INTER_CUBIC)


def with_invariants(found: Keypoints) -> tuple[Keypoints, np.ndarray]:
    return found, keypoints.invariants(found.patches)


def farthest(one: np.ndarray, other: np.ndarray, shape: tuple[int, ...]) -> float:
    """Greatest distance between where two transforms take the corners of a frame, in pixels."""
    n_rows, n_columns = shape
    corners = np.array([[c, r, 1.0] for c in (0, n_columns - 1) for r in (0, n_rows - 1)])
    return float(np.hypot(*(corners @ (one - other).T).T).max())


@pytest.mark.parametrize(("degrees", "scale", "mirrored"), KNOWN.values(), ids=KNOWN.keys())
def test_a_known_transform_is_found_within_a_pixel(hand, degrees, scale, mirrored):
    thumbnail = thumbnails.shrink(hand)
    expected = made(degrees, scale, mirrored, thumbnail.shape)
    copy = changed(thumbnail, expected)
    described, of_copy = keypoints.describe(thumbnail), keypoints.describe(copy)
    start = made(degrees + 2, scale * 1.02, mirrored, thumbnail.shape)
    guess = alignment.by_keypoints(with_invariants(described), with_invariants(of_copy), start)
    details = thumbnails.detail(thumbnail), thumbnails.detail(copy)
    assert farthest(start, expected, thumbnail.shape) > 3
    assert farthest(guess, expected, thumbnail.shape) < 3
    assert farthest(alignment.refined(*details, guess, inverted=False), expected, thumbnail.shape) < 1


@pytest.mark.parametrize("inverted", [False, True])
def test_a_guess_one_pixel_off_is_refined_to_a_fifth_of_one(hand, inverted):
    thumbnail = thumbnails.shrink(hand)
    expected = made(10, 1.0, False, thumbnail.shape)
    copy = changed(thumbnail, expected)
    guess = expected.copy()
    guess[:, 2] += (0.8, -0.6)
    details = thumbnails.detail(thumbnail), thumbnails.detail(255 - copy if inverted else copy)
    found = alignment.refined(*details, guess, inverted=inverted)
    assert farthest(found, expected, thumbnail.shape) < 0.2


def test_what_cannot_be_refined_stays_as_it_was(hand):
    detail = thumbnails.detail(thumbnails.shrink(hand))
    nothing = thumbnails.detail(np.full((192, 192), 9, np.uint8))
    beside = np.array([[1.0, 0, 500], [0, 1, 500]])
    assert alignment.refined(detail, nothing, np.eye(2, 3), inverted=False).tolist() == np.eye(2, 3).tolist()
    assert alignment.refined(detail, detail, beside, inverted=False) is beside


def test_nothing_matches_no_keypoints(hand):
    described = keypoints.describe(thumbnails.shrink(hand))
    for pair in ((described, NO_KEYPOINTS), (NO_KEYPOINTS, described), (NO_KEYPOINTS, NO_KEYPOINTS)):
        assert alignment.by_keypoints(*map(with_invariants, pair), np.eye(2, 3)) is None


def test_a_guess_that_no_keypoints_agree_with_is_given_up(hand):
    described = with_invariants(keypoints.describe(thumbnails.shrink(hand)))
    upside_down = made(180, 1.0, False, thumbnails.shrink(hand).shape)
    assert alignment.by_keypoints(described, described, np.eye(2, 3)) is not None
    assert alignment.by_keypoints(described, described, upside_down) is None


@given(variant=st.integers(0, 7), first=st.tuples(SIDES, SIDES), second=st.tuples(SIDES, SIDES))
def test_a_frame_is_laid_on_the_whole_of_another(variant, first, second):
    transform = alignment.from_frames(variant, first, second)
    corners = np.array([[c, r, 1] for c in (-0.5, first[1] - 0.5) for r in (-0.5, first[0] - 0.5)])
    expected = {(c, r) for c in (-0.5, second[1] - 0.5) for r in (-0.5, second[0] - 0.5)}
    assert {tuple(corner) for corner in np.round(corners @ transform.T, 6).tolist()} == expected


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_what_lies_beyond_the_second_picture_is_black(shape):
    picture = np.random.default_rng(9).integers(1, 255, shape).astype(np.uint8)
    laid = alignment.warped(picture, np.array([[1.0, 0, 10], [0, 1, 0]]), (20, 30))
    np.testing.assert_array_equal(laid[:, :20], picture[:, 10:])
    assert not laid[:, 20:].any()


@pytest.mark.parametrize(
    ("across", "down", "expected"),
    [
        (1, 1, True), (-1, 1, True), (0.5, 0.5, True), (2, 2, True), (0.45, 0.45, False), (2.1, 2.1, False),
        (1.5, 1, True), (1.7, 1, False), (1, -1.7, False), (0, 0, False),
    ],
)  # fmt: skip
def test_scales_of_a_half_to_two_and_little_stretch_are_plausible(across, down, expected):
    assert alignment.plausible(np.array([[across, 0, 7.0], [0, down, -300.0]])) == expected


@given(
    transform=st.lists(st.floats(-2, 2), min_size=6, max_size=6),
    size=st.floats(0.1, 4),
    place=st.tuples(st.floats(0, 100), st.floats(0, 100)),
)
def test_a_scaled_transform_takes_places_of_scaled_thumbnails_to_the_same_places(transform, size, place):
    matrix = np.array(transform).reshape(2, 3)
    there = matrix @ [*place, 1]
    on_scaled = (np.array(place) + 0.5) * size - 0.5
    np.testing.assert_allclose(
        alignment.scaled(matrix, size) @ [*on_scaled, 1], (there + 0.5) * size - 0.5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("degrees", "scale", "mirrored"), [*KNOWN.values(), (0, 1, False), (90, 0.5, False), (-90, 2, True)]
)
def test_transforms_are_described_by_degrees_anticlockwise_as_seen(degrees, scale, mirrored):
    transform = made(degrees, scale, mirrored, (120, 90))
    assert alignment.described(transform) == (degrees, scale, mirrored)


def test_a_quarter_turn_to_the_left_is_90_degrees():
    upright = np.zeros((30, 50), np.uint8)
    upright[5, 40] = 255
    turned = np.rot90(upright)  # NumPy turns anticlockwise as seen
    transform = np.array([[0.0, 1, 0], [-1, 0, 49]])
    np.testing.assert_array_equal(alignment.warped(turned, transform, (30, 50)), upright)
    assert alignment.described(transform) == (90, 1, False)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_nearest_turn_within_the_frame_is_itself_where_it_is_one(mirrored):
    turn = made(25, 1.0, mirrored, (160, 120))
    forced = alignment.chained(turn, alignment.from_frames(0, (160, 120), (192, 192)))
    found = alignment.turned_in_frame(forced, (160, 120), (192, 192))
    np.testing.assert_allclose(found, forced, atol=1e-9)
    moved = forced + np.array([[0, 0, 8], [0, 0, -6]])
    back = alignment.turned_in_frame(moved, (160, 120), (192, 192))
    assert alignment.apart_px(moved, back, (160, 120)) == pytest.approx(10)
    there_and_back = alignment.chained(moved, alignment.inverse(moved))
    np.testing.assert_allclose(there_and_back, np.eye(2, 3), atol=1e-9)
