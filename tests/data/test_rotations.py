import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import rotations
from pipeline.data.copies import alignment


def limb(seed: int) -> np.ndarray:
    """Draw a smooth random structure, unlike that of any other seed."""
    coarse = np.random.default_rng(seed).normal(size=(12, 12)).astype(np.float32)
    smooth = cv2.resize(coarse, (224, 224), interpolation=cv2.INTER_CUBIC)
    return np.clip(110 + 50 * smooth, 0, 255).astype(np.uint8)


def turned(pixels: np.ndarray, degrees: float) -> np.ndarray:
    """Rotate about the centre; the corners become black."""
    centre = ((pixels.shape[1] - 1) / 2, (pixels.shape[0] - 1) / 2)
    return cv2.warpAffine(pixels, cv2.getRotationMatrix2D(centre, degrees, 1.0), pixels.shape[::-1])


def likely(*radiographs: np.ndarray) -> rotations.Turned:
    return rotations.likely(np.stack([rotations.polar(pixels) for pixels in radiographs]))


def pairs(*radiographs: np.ndarray) -> list[list[int]]:
    """Candidates whose fine structure correlates as that of rotations about the centre nearly always does."""
    found = likely(*radiographs)
    return found.pairs[found.correlations >= 0.85].tolist()


@given(seed=st.integers(0, 10_000), degrees=st.floats(-180, 180), mirror=st.booleans())
def test_a_rotated_copy_is_found_at_any_angle(seed, degrees, mirror):
    copy = turned(limb(seed), degrees)
    copy = np.ascontiguousarray(copy[:, ::-1]) if mirror else copy
    assert pairs(limb(seed), limb(seed + 1), copy) == [[0, 2]]


@given(seed=st.integers(0, 10_000), degrees=st.floats(-180, 180), mirror=st.booleans())
def test_the_angle_found_lays_one_on_the_other(seed, degrees, mirror):
    copy = turned(limb(seed), degrees)
    copy = cv2.resize(copy[:, ::-1] if mirror else copy, (160, 160), interpolation=cv2.INTER_AREA)
    found = likely(limb(seed), copy)
    transform = alignment.from_turn(found.angles[0], (224, 224), (160, 160), mirrored=found.mirrored[0])
    laid = alignment.warped(copy, transform, (224, 224))
    assert found.mirrored.tolist() == [mirror]
    disc = np.hypot(*(np.indices((224, 224)) - 111.5)) < 90
    assert np.corrcoef(limb(seed)[disc], laid[disc])[0, 1] > 0.98


@pytest.mark.parametrize(("degrees", "angle"), [(0, 0.0), (45, 7 * np.pi / 4), (-90, np.pi / 2)])
def test_angles_go_from_columns_to_rows_which_is_clockwise_as_seen(degrees, angle):
    found = likely(limb(6), turned(limb(6), degrees))
    assert found.angles % (2 * np.pi) == pytest.approx([angle], abs=np.pi / rotations.N_ANGLES)
    assert not found.mirrored[0]


def test_rotations_of_rotations_are_found():
    repeated = turned(turned(turned(limb(3), 12), 9), -15)
    assert pairs(limb(3), repeated) == [[0, 1]]


def test_brightness_and_size_do_not_matter():
    copy = cv2.resize(cv2.convertScaleAbs(turned(limb(4), 20), alpha=0.6, beta=40), (120, 120))
    assert pairs(limb(4), copy) == [[0, 1]]


def test_a_rotation_is_a_shift_of_the_columns():
    shifted = rotations.polar(turned(limb(5), 90)).astype(int)
    expected = np.roll(rotations.polar(limb(5)), -rotations.N_ANGLES // 4, axis=1).astype(int)
    assert np.abs(shifted - expected)[4:].max() <= 6


def test_different_radiographs_are_not_alike():
    assert pairs(*[limb(seed) for seed in range(40)]) == []


def test_flat_radiographs_are_no_candidates():
    found = likely(np.full((90, 80), 9, np.uint8), np.full((90, 80), 200, np.uint8))
    assert found.pairs.size == 0


@pytest.mark.parametrize("n_radiographs", [0, 1])
def test_nothing_to_compare_gives_no_candidates(n_radiographs):
    found = rotations.likely(np.zeros((n_radiographs, rotations.N_RADII, rotations.N_ANGLES), np.uint8))
    assert [part.shape for part in found] == [(0, 2), (0,), (0,), (0,)]
