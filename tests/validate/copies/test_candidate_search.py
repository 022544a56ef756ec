import numpy as np
import pytest

from pipeline.validate.copies import candidate_search, keypoint_index
from pipeline.validate.copies.keypoints import N_ANGLES, NO_KEYPOINTS, Keypoints
from tests import alterations
from tests.validate.copies import cached

RNG = np.random.default_rng(8)


@pytest.fixture(autouse=True)
def _own_numbers(monkeypatch):
    """Each test draws the same reliefs, alone or after others."""
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(8))


def relief(n_keypoints: int) -> np.ndarray:
    """Patches of noise: no two are alike."""
    return RNG.integers(-127, 128, (n_keypoints, 6, N_ANGLES)).astype(np.int8)


PLACES = RNG.uniform(0, 190, (400, 2)).astype(np.float32)


def placed(patches: np.ndarray, places: np.ndarray = PLACES) -> Keypoints:
    """Keypoints with these patches, and (column, row) of each."""
    return Keypoints(places[: len(patches)].astype(np.float32), np.ones(len(patches), np.float32), patches)


def turned(patches: np.ndarray, steps: int) -> Keypoints:
    """The same keypoints, turned about the middle with what lies about them."""
    angle = steps * 2 * np.pi / N_ANGLES
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return placed(np.roll(patches, steps, axis=2), (PLACES - 95) @ turn + 95)


def pairs(*described: Keypoints) -> list[list[int]]:
    return candidate_search.candidates(described, {}).pairs.tolist()


def test_a_turned_copy_of_a_hand_has_the_most_votes(hands):
    copy = alterations.turned(hands[1], 33)
    keypoints = [cached.features(pixels).keypoints for pixels in [*hands, copy]]
    found, n_votes, _ = candidate_search.candidates(keypoints, {})
    assert found[0].tolist() == [1, 3]
    assert n_votes[0] > n_votes[1:].max(initial=0)
    assert (found[:, 0] < found[:, 1]).all()


@pytest.mark.parametrize("described", [[], [NO_KEYPOINTS], [NO_KEYPOINTS] * 3, [placed(relief(4))]])
def test_nothing_to_compare_gives_no_candidates(described):
    found, n_votes, transforms = candidate_search.candidates(described, {})
    assert found.shape == (0, 2)
    assert n_votes.shape == (0,)
    assert transforms.shape == (0, 2, 3)


def test_noise_has_no_candidates():
    assert pairs(*[placed(relief(128)) for _ in range(10)]) == []


def test_keypoints_vote_for_how_the_whole_is_turned():
    patches = relief(300)
    found = candidate_search.candidates([placed(patches), turned(patches, 3)], {})
    assert found.pairs.tolist() == [[0, 1]]
    assert found.votes[0] >= 15  # of the 48 matches that are used
    laid = PLACES[:300] @ found.transforms[0, :, :2].T + found.transforms[0, :, 2]
    np.testing.assert_allclose(laid, turned(patches, 3).places, atol=0.01)


def test_mirror_images_and_negatives_vote_too():
    patches = relief(16)
    upside_down = -np.roll(patches[:, :, ::-1], 1, axis=2)  # reversed rows: angles count the other way
    assert pairs(placed(patches), placed(upside_down, PLACES * (1, -1))) == [[0, 1]]


def test_matches_that_are_turned_every_which_way_do_not_vote_together():
    patches = relief(N_ANGLES)
    every_way = np.stack([np.roll(patch, step, axis=1) for step, patch in enumerate(patches)])
    assert pairs(placed(patches), placed(every_way)) == []


def test_matches_that_lie_every_which_way_do_not_vote_together():
    patches = relief(30)
    assert pairs(placed(patches), placed(patches)) == [[0, 1]]
    assert pairs(placed(patches), placed(patches, PLACES[100:])) == []


def test_three_matches_are_too_few():
    patches = relief(16)
    other = np.concatenate([patches[:3], relief(13)])
    assert pairs(placed(patches), placed(other)) == []


def test_copies_are_found_by_an_index_where_not_all_can_be_compared(monkeypatch):
    monkeypatch.setattr(keypoint_index, "_FEW", 1000)  # keypoints
    originals = [relief(128) for _ in range(30)]
    copies = [turned(patches, step % N_ANGLES) for step, patches in enumerate(originals)]
    found = pairs(*map(placed, originals), *copies)
    assert sorted(found) == [[number, number + 30] for number in range(30)]


def test_each_radiograph_keeps_its_sixteen_foremost_candidates():
    nearness = {
        (first, second): 30 - (second - first) for first in range(30) for second in range(first + 1, 30)
    }
    pairs, n_votes = np.array(list(nearness)), np.array(list(nearness.values()))
    chosen = candidate_search._foremost(pairs, n_votes, 30)
    kept, n_votes = pairs[chosen], n_votes[chosen]
    assert n_votes.tolist() == sorted(n_votes.tolist(), reverse=True)
    assert {(0, second) for second in range(1, 17)} <= {tuple(pair) for pair in kept.tolist()}
    assert (0, 29) not in {tuple(pair) for pair in kept.tolist()}


def test_what_agrees_in_one_small_place_is_no_candidate():
    patches = relief(40)
    assert pairs(placed(patches), placed(patches)) == [[0, 1]]
    near = 95 + (PLACES - 95) * 0.03
    assert pairs(placed(patches, near), placed(patches, near)) == []


def test_a_keypoint_with_two_matches_votes_once():
    patches, others = relief(4), relief(6)
    places = np.array([[20, 20], [160, 40], [90, 150], [91, 150]])
    three, twice, four = (placed(patches[rows], places) for rows in ([0, 1, 2], [0, 1, 2, 2], [0, 1, 2, 3]))
    assert pairs(three, twice, placed(others)) == []
    assert pairs(four, four, placed(others)) == [[0, 1]]


def test_squared_views_pair_with_other_radiographs_but_neither_with_their_own_nor_with_one_another():
    patches, others = relief(60), relief(60)
    found = candidate_search.candidates(
        [placed(others), turned(patches, 2), placed(relief(60))], {0: placed(patches), 2: placed(patches)}
    )
    assert found.pairs.tolist() == [[1, 3], [1, 4]]
    of_its_own = candidate_search.candidates([placed(patches), placed(others)], {0: placed(patches)})
    assert of_its_own.pairs.tolist() == []
