import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.validate.copies import keypoints, thumbnails
from pipeline.validate.copies.keypoints import N_ANGLES, NO_KEYPOINTS

STEP = 2 * np.pi / N_ANGLES
RELIEF = np.random.default_rng(6).integers(-127, 128, (50, 6, N_ANGLES)).astype(np.int8)

CHANGES = {
    "turned": lambda patches: np.roll(patches, 5, axis=2),
    "mirrored": lambda patches: patches[:, :, ::-1],
    "negative": lambda patches: -patches,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_invariants_are_the_same_when(change):
    np.testing.assert_allclose(
        keypoints.invariants(change(RELIEF)), keypoints.invariants(RELIEF), rtol=1e-4, atol=1e-5
    )


def test_rings_turned_against_one_another_have_other_invariants():
    turned = RELIEF.copy()
    turned[:, ::2] = np.roll(RELIEF[:, ::2], 5, axis=2)
    one, other = keypoints.invariants(RELIEF), keypoints.invariants(turned)
    assert (one * other).sum(axis=1).max() < 0.9


def test_invariants_have_norm_1_and_those_of_nothing_are_0():
    assert np.linalg.norm(keypoints.invariants(RELIEF), axis=1) == pytest.approx(np.ones(50), rel=1e-5)
    assert not keypoints.invariants(np.zeros_like(RELIEF)).any()


@given(step=st.integers(0, N_ANGLES - 1), mirrored=st.booleans(), sign=st.sampled_from([1, -1]))
def test_turns_finds_the_angle_of_a_turned_mirrored_or_negative_patch(step, mirrored, sign):
    start = RELIEF[:, :, (-np.arange(N_ANGLES)) % N_ANGLES] if mirrored else RELIEF
    angles, alike = keypoints.turns(RELIEF, sign * np.roll(start, step, axis=2), mirrored=mirrored)
    apart = np.angle(np.exp(1j * (angles - step * STEP)))
    np.testing.assert_allclose(apart, 0, atol=1e-3)
    np.testing.assert_allclose(alike, 1, atol=1e-3)


def test_patches_without_relief_are_like_nothing():
    angles, alike = keypoints.turns(np.zeros_like(RELIEF), RELIEF, mirrored=False)
    assert np.isfinite(angles).all()
    assert not alike.any()


@pytest.mark.parametrize("shape", [(192, 192), (192, 2), (2, 192), (2, 2)])
def test_a_flat_thumbnail_has_no_keypoints(shape):
    found = keypoints.describe(np.full(shape, 9, np.uint8))
    assert [part.shape for part in found] == [part.shape for part in NO_KEYPOINTS]


def test_a_hand_has_128_keypoints_of_three_scales_within_its_frame(hand):
    thumbnail = thumbnails.shrink(hand)
    places, scales, patches = keypoints.describe(thumbnail)
    assert patches.shape == (128, 6, N_ANGLES)
    assert patches.dtype == np.int8
    assert [int((scales == scale).sum()) for scale in np.unique(scales)] == [24, 40, 64]
    assert (places >= 0).all()
    assert (places < thumbnail.shape[::-1]).all()


def test_a_bright_dot_is_the_foremost_keypoint():
    noise = np.random.default_rng(7).integers(90, 110, (192, 192))
    thumbnail = noise + 1000 * cv2.GaussianBlur(np.pad([[1.0]], ((60, 131), (90, 101))), (0, 0), 1.5)
    column, row = keypoints.describe(thumbnail.astype(np.uint8)).places[0]
    assert np.hypot(column - 90, row - 60) < 1


def test_keypoints_turn_with_the_radiograph(hand):
    thumbnail = thumbnails.shrink(hand)[:160, :160]
    places = keypoints.describe(thumbnail).places
    turned = keypoints.describe(np.ascontiguousarray(np.rot90(thumbnail))).places
    expected = np.column_stack([places[:, 1], 159 - places[:, 0]])
    nearest = np.hypot(*(expected[:, None] - turned[None]).transpose(2, 0, 1)).min(axis=1)
    assert (nearest < 1).mean() > 0.95


def test_no_keypoint_lies_in_a_margin(hand):
    thumbnail = thumbnails.shrink(hand)
    framed = cv2.copyMakeBorder(thumbnail, 0, 0, 30, 30, cv2.BORDER_CONSTANT, value=0)
    columns = keypoints.describe(framed).places[:, 0]
    assert columns.min() > 30
    assert columns.max() < 30 + thumbnail.shape[1] - 1
