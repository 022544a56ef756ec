import numpy as np
import pytest

from pipeline.data.copies import votes
from pipeline.data.copies.keypoints import N_ANGLES, NO_KEYPOINTS, Keypoints
from tests import alterations
from tests.data.copies import subjects

RNG = np.random.default_rng(8)


def relief(n_keypoints: int) -> np.ndarray:
    """Patches of noise: no two are alike."""
    return RNG.integers(-127, 128, (n_keypoints, 6, N_ANGLES)).astype(np.int8)


def at_any_place(patches: np.ndarray) -> Keypoints:
    """Keypoints with these patches; votes do not ask where they lie."""
    return Keypoints(np.zeros((len(patches), 2), np.float32), np.ones(len(patches), np.float32), patches)


def pairs(*patches: np.ndarray) -> list[list[int]]:
    return votes.candidates([at_any_place(each) for each in patches])[0].tolist()


def test_a_turned_copy_of_a_hand_has_the_most_votes(hands):
    copy = alterations.turned(hands[1], 33)
    found, n_votes = votes.candidates([subjects.subject(pixels).keypoints for pixels in [*hands, copy]])
    assert found[0].tolist() == [1, 3]
    assert n_votes[0] > n_votes[1:].max(initial=0)
    assert (found[:, 0] < found[:, 1]).all()


@pytest.mark.parametrize("described", [[], [NO_KEYPOINTS], [NO_KEYPOINTS] * 3, [at_any_place(relief(4))]])
def test_nothing_to_compare_gives_no_candidates(described):
    found, n_votes = votes.candidates(described)
    assert found.shape == (0, 2)
    assert n_votes.shape == (0,)


def test_noise_has_no_candidates():
    assert pairs(*[relief(128) for _ in range(10)]) == []


def test_one_votes_with_all_that_are_turned_alike():
    patches = relief(300)
    found, n_votes = votes.candidates([at_any_place(patches), at_any_place(np.roll(patches, 3, axis=2))])
    assert found.tolist() == [[0, 1]]
    assert n_votes.tolist() == [300]


def test_mirror_images_and_negatives_vote_too():
    patches = relief(16)
    assert pairs(patches, -patches[:, :, ::-1]) == [[0, 1]]


def test_matches_that_are_turned_every_which_way_do_not_vote_together():
    patches = relief(N_ANGLES)
    every_way = np.stack([np.roll(patch, step, axis=1) for step, patch in enumerate(patches)])
    assert pairs(patches, every_way) == []


def test_four_matches_are_too_few():
    patches = relief(16)
    assert pairs(patches, np.concatenate([patches[:4], relief(12)])) == []


def test_copies_are_found_by_an_index_where_not_all_can_be_compared(monkeypatch):
    monkeypatch.setattr(votes, "_FEW", 1000)  # keypoints
    originals = [relief(128) for _ in range(30)]
    copies = [np.roll(patches, step % N_ANGLES, axis=2) for step, patches in enumerate(originals)]
    assert sorted(pairs(*originals, *copies)) == [[number, number + 30] for number in range(30)]


def test_each_radiograph_keeps_its_sixteen_foremost_candidates():
    nearness = {
        (first, second): 30 - (second - first) for first in range(30) for second in range(first + 1, 30)
    }
    kept, n_votes = votes._elected(np.array(list(nearness)), np.array(list(nearness.values())), 30)
    assert n_votes.tolist() == sorted(n_votes.tolist(), reverse=True)
    assert {(0, second) for second in range(1, 17)} <= {tuple(pair) for pair in kept.tolist()}
    assert (0, 29) not in {tuple(pair) for pair in kept.tolist()}
