import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.validate import duplicates
from pipeline.validate.copies import alignment


def limb(seed: int, side: int = 64) -> np.ndarray:
    """Draw a smooth random structure with an edge, unlike that of any other seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(9, 9)).astype(np.float32)
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(110 + 60 * smooth, 0, 255).astype(np.uint8)


def alike(thumbnails: np.ndarray, distance: int) -> list[list[int]]:
    """Candidates whose fine structure correlates as that of copies nearly always does."""
    pairs, correlations = duplicates.likely(thumbnails, distance)
    return pairs[correlations >= 0.85].tolist()


BEFORE = limb(1)


@pytest.mark.parametrize("variant", range(8))
def test_one_transform_gives_the_hashes_of_all_eight(variant):
    turned = duplicates.transform(BEFORE, variant)
    expected = duplicates.hashes(turned[None])[0, 0]
    assert duplicates.hashes(BEFORE[None])[0, variant] == expected


def test_the_eight_variants_are_the_dihedral_group():
    rotations = [np.rot90(side, k) for side in (BEFORE, BEFORE[:, ::-1]) for k in range(4)]
    variants = [duplicates.transform(BEFORE, variant) for variant in range(8)]
    assert {pixels.tobytes() for pixels in variants} == {pixels.tobytes() for pixels in rotations}


def jpeg(pixels):
    return cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 0)


def noisy(pixels):
    rng = np.random.default_rng(int(pixels.sum()))  # other noise for other pixels, the same each time
    return np.clip(pixels + rng.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8)


COPIES = {
    "brighter": lambda pixels: cv2.convertScaleAbs(pixels, alpha=0.7, beta=50),
    "recompressed": jpeg,
    "smaller": lambda pixels: cv2.resize(cv2.resize(pixels, (40, 40)), (64, 64)),
    "noisy": noisy,
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES.keys())
@given(seed=st.integers(0, 10_000), variant=st.integers(0, 7))
def test_a_changed_and_turned_copy_is_found(change, seed, variant):
    original = limb(seed)
    copy = np.ascontiguousarray(duplicates.transform(change(original), variant))
    found = alike(np.stack([original, limb(seed + 1), copy]), distance=12)
    assert [pair[:2] for pair in found] == [[0, 2]]


@pytest.mark.parametrize("variant", range(8))
def test_the_variant_of_a_candidate_lays_one_on_the_other(variant):
    copy = np.ascontiguousarray(duplicates.transform(BEFORE, variant))
    [[first, second, found]] = alike(np.stack([BEFORE, copy]), distance=0)
    laid = alignment.warped(copy, alignment.from_frames(found, BEFORE.shape, copy.shape), BEFORE.shape)
    assert (first, second, found) == (0, 1, variant)
    np.testing.assert_array_equal(laid, BEFORE)


def test_a_weak_candidate_keeps_its_correlation_and_a_hopeless_one_is_left_out():
    half = np.concatenate([BEFORE[:, :40], limb(2)[:, 40:]], axis=1)
    pairs, correlations = duplicates.likely(np.stack([BEFORE, half, limb(3)]), distance=64)
    assert pairs[:, :2].tolist() == [[0, 1]]
    assert 0.5 <= correlations[0] < 0.85


def test_different_radiographs_on_the_same_bright_plate_are_not_alike():
    hands = np.stack([limb(seed) // 8 for seed in range(6)])
    hands[:, 56:] = 255  # dominates the correlation of grey levels: above 0.95 for every pair
    levels = np.corrcoef(hands.reshape(6, -1))
    assert levels.min() > 0.95
    assert alike(hands, distance=24) == []


def test_flat_thumbnails_correlate_with_nothing():
    flat = np.stack([np.full((64, 64), 9, np.uint8)] * 2)
    assert duplicates.correlations(flat, np.array([[0, 1, 0]])).tolist() == [0.0]


def test_chains_join_and_the_others_stay_alone():
    links = np.array([[0, 2], [2, 4]]), np.array([[5, 1]])
    numbers = duplicates.components(6, *links)
    assert numbers[0] == numbers[2] == numbers[4]
    assert numbers[1] == numbers[5]
    assert len(set(numbers)) == 3


def test_equal_keys_are_linked_and_empty_ones_are_not():
    assert duplicates.equal_pairs(["a", "", "b", "a", "", "a"]).tolist() == [[0, 3], [0, 5]]


@pytest.mark.parametrize("n_radiographs", [0, 1])
def test_nothing_to_compare_gives_no_candidates(n_radiographs):
    pairs, correlations = duplicates.likely(np.zeros((n_radiographs, 64, 64), np.uint8), 10)
    assert pairs.shape == (0, 3)
    assert correlations.shape == (0,)
