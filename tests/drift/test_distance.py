import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.drift import distance

N = 199


def compare(reference, current, seed=1):
    found = distance.compare({"x": reference}, {"x": current}, n_permutations=N, seed=seed)
    return found["x"]


def normal(seed, n, shift=0.0):
    return np.random.default_rng(seed).normal(shift, 1, n)


@given(st.lists(st.integers(0, 9), min_size=1), st.lists(st.integers(0, 9), min_size=1))
def test_numbers_are_apart_by_the_largest_gap_of_their_cumulative_shares(reference, current):
    x, y = np.array(reference, float), np.array(current, float)
    gaps = [abs((x <= value).mean() - (y <= value).mean()) for value in range(10)]
    assert compare(x, y).distance == pytest.approx(max(gaps), abs=1e-8)


def test_numbers_within_two_percent_count_as_equal():
    sizes = np.repeat([100.0, 200.0], 20)
    assert compare(sizes, sizes * 1.019).distance == 0
    assert compare(sizes, sizes * 0.981).distance == 0
    assert compare(sizes, sizes * 1.03).distance == 0.5  # of the smaller ones, as of the larger


@given(seed=st.integers(0, 1000), n_reference=st.integers(1, 12), n_current=st.integers(1, 12))
def test_vectors_are_as_far_apart_as_the_definition_says(seed, n_reference, n_current):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n_reference, 3)), rng.normal(1, 2, size=(n_current, 3))

    def mean(a, b):
        return np.mean([np.linalg.norm(one - other) for one in a for other in b])

    energy = 2 * mean(x, y) - mean(x, x) - mean(y, y)
    assert compare(x, y).distance == pytest.approx(np.sqrt(energy / (2 * mean(x, y))), abs=1e-6)


def test_kinds_are_apart_by_the_share_that_would_have_to_change():
    reference, current = np.array(["JPEG"] * 3 + ["PNG"]), np.array(["JPEG"] * 5 + ["PNG", "GIF", "GIF"])
    assert compare(reference, current).distance == pytest.approx(0.25)  # 3/4 to 5/8, 1/4 to 1/8, 0 to 1/4


def test_labels_are_kinds():
    mixed, mostly = np.array([True, False]), np.array([True, True, False, True])
    assert compare(mixed, mostly).distance == pytest.approx(0.25)


@pytest.mark.parametrize("n", [1, 5, 60])
def test_two_halves_of_one_source_alarm_as_often_as_alpha_says(n):
    found = [compare(normal(2 * seed, 60), normal(2 * seed + 1, n), seed).p_value for seed in range(60)]
    assert sum(p <= 0.05 for p in found) <= 8  # 3 are expected; more than 8 in 1 of 100 such tests
    assert min(found) >= 1 / (1 + N)


def test_many_properties_do_not_raise_the_alarm_rate():
    def sample(seed, n):
        return {str(k): normal(100 * seed + k, n) for k in range(20)}

    pairs = ((sample(2 * s, 40), sample(2 * s + 1, 40)) for s in range(40))
    found = [distance.compare(*pair, n_permutations=N, seed=s) for s, pair in enumerate(pairs)]
    scores = [distance.score(each, 0.05) for each in found]
    assert sum(score > 0 for score in scores) <= 6  # 2 are expected; uncorrected, 25


def test_a_shift_is_found_among_properties_that_did_not_shift():
    reference = {"shifted": normal(1, 80), "same": normal(2, 80), "kind": np.array(["a", "b"] * 40)}
    current = {"shifted": normal(3, 30, 1.5), "same": normal(4, 30), "kind": np.array(["a", "b"] * 15)}
    found = distance.compare(reference, current, n_permutations=N, seed=0)
    assert [name for name in found if found[name].p_value <= 0.05] == ["shifted"]
    assert distance.score(found, 0.05) == found["shifted"].distance > 0.4


@pytest.mark.parametrize("shape", [(), (4,)], ids=["numbers", "vectors"])
def test_what_is_equal_everywhere_is_no_difference(shape):
    found = compare(np.full((30, *shape), 454.0), np.full((9, *shape), 454.0))
    assert found.distance == pytest.approx(0, abs=1e-12)
    assert found.p_value == 1.0
    assert found.psi == (None if shape else 0.0)


@given(seed=st.integers(0, 500))
def test_order_says_nothing_and_sides_can_be_swapped(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 9, 20).astype(float), rng.integers(2, 9, 7).astype(float)
    assert compare(rng.permutation(x), rng.permutation(y)).distance == pytest.approx(compare(x, y).distance)
    assert compare(x, y).distance == pytest.approx(compare(y, x).distance)


def test_the_stability_index_follows_its_definition():
    reference, current = np.array(["a"] * 6 + ["b"] * 2), np.array(["a"] * 3 + ["b"])
    before, after = np.array([6.5, 2.5]) / 9, np.array([3.5, 1.5]) / 5
    expected = ((after - before) * np.log(after / before)).sum()
    assert distance.stability_index(reference, current) == pytest.approx(expected)
    assert distance.stability_index(normal(1, 500), normal(2, 500)) < 0.1
    assert distance.stability_index(normal(1, 500), normal(2, 500, 1)) > 0.25


def test_what_few_radiographs_can_show_is_little():
    assert distance.noticed_from(1000, 1000, 0.01) == pytest.approx(1.6276 * np.sqrt(2 / 1000), abs=1e-4)
    assert distance.noticed_from(1000, 2, 0.01) > 1


def test_the_strangest_lies_furthest_from_its_nearest():
    reference = np.array([[0, 0], [10, 0]], np.uint8)
    assert distance.strangeness(reference, np.array([[0, 3], [10, 0], [200, 0]], np.uint8)).tolist() == [
        3,
        0,
        190,
    ]


@pytest.mark.parametrize(
    ("reference", "current"),
    [({"x": np.zeros(0)}, {"x": np.zeros(3)}), ({"x": np.zeros(3)}, {"y": np.zeros(3)})],
)
def test_nothing_to_compare_is_refused(reference, current):
    with pytest.raises(ValueError, match="radiographs on both sides, with a property in common"):
        distance.compare(reference, current, n_permutations=N, seed=0)


@pytest.mark.parametrize(
    ("score", "detected", "noticed_from", "verdict"),
    [
        (0.4, True, 0.2, distance.DRIFT),
        (0.05, False, 0.2, distance.NONE),
        (0.0, False, 0.2, distance.NONE),
        (0.0, False, 1.2, distance.TOO_FEW),
    ],
)
def test_a_verdict_says_whether_there_was_enough_to_tell(score, detected, noticed_from, verdict):
    assert distance.verdict({"score": score, "detected": detected}, noticed_from) == verdict
