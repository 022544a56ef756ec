import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.files import engine
from pipeline.validate.copies import alignment, groups
from pipeline.validate.copies.groups import Copy
from tests import alterations
from tests.validate.copies import cached

PAIRS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda pair: pair[0] != pair[1]), max_size=40
)


def described(radiographs: list[np.ndarray]) -> tuple[list[cached.CopyFeatures], np.ndarray]:
    facts = [cached.fact(str(number), pixels) for number, pixels in enumerate(radiographs)]
    thumbnails = np.zeros((len(facts), 64, 64), np.uint8)
    for number, fact in enumerate(facts):
        thumbnails[number] = fact.thumbnail
    return [fact.features for fact in facts], thumbnails


def find(*radiographs: np.ndarray) -> list[Copy]:
    found, thumbnails = described(list(radiographs))
    return groups.find(found, thumbnails, squares={}, hash_distance=10, min_score=0.8, pool=engine.HERE)


def greedy(pairs: list[tuple[int, int]]) -> list[int]:
    """Take each pair in its turn, unless what was taken joins its two already (Kruskal's algorithm)."""
    group, chosen = {name: {name} for pair in pairs for name in pair}, []
    for row, (one, other) in enumerate(pairs):
        if group[one] is not group[other]:
            chosen.append(row)
            group[one] |= group[other]
            group.update(dict.fromkeys(group[one], group[one]))
    return chosen


@given(pairs=PAIRS)
def test_a_forest_joins_what_any_pair_would_join_with_the_fewest_and_foremost(pairs):
    assert groups.forest(np.array(pairs, dtype=np.int64).reshape(-1, 2)).tolist() == greedy(pairs)


def test_a_family_of_four_is_joined_by_three_pairs():
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    assert groups.forest(np.array(pairs)).tolist() == [0, 1, 2]


def test_a_family_is_joined_by_the_fewest_copies_and_others_stay_alone(hands):
    turned = [alterations.turned(hands[0], degrees) for degrees in (12, -35, 100)]
    found = find(*hands, *turned)
    assert {number for copy in found for number in copy[:2]} == {0, 3, 4, 5}
    assert len(found) == 3
    assert all(copy.agreement.score >= 0.7 for copy in found)


def test_the_transform_lays_the_first_thumbnail_on_the_second(hands):
    mirrored = np.ascontiguousarray(hands[1][:, ::-1])
    [copy] = find(*hands, mirrored)
    first, second = cached.features(hands[1]).thumbnail, cached.features(mirrored).thumbnail
    laid = alignment.warped(second, copy.transform, first.shape)
    assert (copy.first, copy.second) == (1, 3)
    assert np.corrcoef(first[5:-5, 5:-5].ravel(), laid[5:-5, 5:-5].ravel())[0, 1] > 0.995


def test_each_candidate_stands_once_with_all_guesses(hands):
    compared, thumbnails = described([*hands, alterations.turned(hands[0], 3)])
    shapes, keypoints = zip(*((each.shape, each.keypoints) for each in compared), strict=True)
    found = groups.candidates(shapes, keypoints, thumbnails, hash_distance=64, squares={})
    pairs = [tuple(pair) for pair in found.pairs.tolist()]
    assert len(set(pairs)) == len(pairs) == len(found.voted) == len(found.framed)
    assert all(first < second for first, second in pairs)
    assert pairs[0] == (0, 3)
    assert (len(found.voted[0]), len(found.framed[0])) == (1, 1)


@pytest.mark.parametrize("n_radiographs", [0, 1])
def test_nothing_to_compare_gives_no_copies(hands, n_radiographs):
    assert find(*hands[:n_radiographs]) == []


def test_blank_radiographs_are_no_copies_of_one_another():
    assert find(*[np.full((90, 80 + 10 * step), step, np.uint8) for step in range(4)]) == []


def test_pairs_are_passed_in_an_order_in_which_few_views_wait() -> None:
    """A chain of 60 in a random order: no view is asked for again after many others."""
    chain = np.random.default_rng(0).permutation(60)
    pairs = np.sort(np.column_stack([chain[:-1], chain[1:]]), axis=1)
    ordered = pairs[np.random.default_rng(1).permutation(59)]
    passed = ordered[groups.in_passing(ordered)]
    assert sorted(passed.tolist()) == sorted(pairs.tolist())
    waits = [np.ptp(np.flatnonzero((passed == view).any(axis=1))) for view in range(60)]
    assert max(waits) <= 2
