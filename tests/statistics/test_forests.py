import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.statistics import forests

RNG = np.random.default_rng(0)
N = 60
FRACTURED = np.arange(N) % 2 == 0
EACH_ALONE = np.array([f"g{number:02}" for number in range(N)])
NOISE = RNG.normal(size=(N, 3))
TELLING = np.column_stack([FRACTURED, NOISE]).astype(float)


def out_of_bag(values, fractured=FRACTURED, group=EACH_ALONE, seed=7):
    return forests.out_of_bag(values, fractured, group, seed)


def held_out(values, fractured=FRACTURED, group=EACH_ALONE):
    """Learn from the first half, and score the second."""
    return forests.held_out(values, fractured, group, np.arange(N) < N // 2, 7)


@pytest.mark.parametrize("score", [out_of_bag, lambda values: np.tile(held_out(values), 2)])
def test_features_that_predict_the_label_are_found_and_nothing_in_noise(score):
    assert roc_auc_score(FRACTURED, score(TELLING)) == 1
    assert 0.2 < roc_auc_score(FRACTURED, score(NOISE)) < 0.8
    assert roc_auc_score(FRACTURED, score(np.ones((N, 3)))) == 0.5


def test_a_score_does_not_depend_on_the_label_of_its_own_group(monkeypatch):
    """Groups of two share features that no other has: a tree that learnt one would know the other."""
    monkeypatch.setattr(forests, "_MIN_LEAF", 1)
    pairs = np.array([f"g{number // 2:02}" for number in range(N)])
    values, labels = np.repeat(NOISE[: N // 2], 2, axis=0), np.repeat(np.arange(N // 2) % 2 == 0, 2)
    assert roc_auc_score(labels, out_of_bag(values, labels)) > 0.9
    assert roc_auc_score(labels, out_of_bag(values, labels, pairs)) < 0.7


def test_held_out_labels_are_not_used():
    other = np.where(np.arange(N) < N // 2, FRACTURED, ~FRACTURED)
    np.testing.assert_array_equal(held_out(NOISE), held_out(NOISE, other))
    assert (held_out(NOISE) != held_out(NOISE, ~FRACTURED)).any()


def test_a_group_weighs_as_one_however_many_copies_it_has():
    """Nine of ten files teach the opposite, all of them copies of two radiographs."""
    values = np.concatenate([TELLING[:, :1], np.repeat(1 - TELLING[:2, :1], 270, axis=0)])
    labels = np.concatenate([FRACTURED, np.repeat(FRACTURED[:2], 270)])
    group = np.concatenate([EACH_ALONE, np.repeat(["copies", "others"], 270)])
    for_itself = np.array([f"f{number}" for number in range(len(labels))])
    taught = [
        roc_auc_score(FRACTURED, out_of_bag(values, labels, names)[:N]) for names in (group, for_itself)
    ]
    assert taught == [1, 0]


def test_a_group_of_both_labels_is_scored():
    group = EACH_ALONE.copy()
    group[:4] = "patient"
    assert np.isfinite(out_of_bag(TELLING, group=group)).all()


@pytest.mark.parametrize("n_groups", [4, 6, 9, 15])
@pytest.mark.parametrize("n_copies", [1, 20])
def test_few_groups_predict_as_many_do(n_groups, n_copies):
    labels, noise = np.arange(2 * n_groups) % 2 == 0, np.random.default_rng(1).normal(size=(2 * n_groups, 2))
    few = np.repeat(np.column_stack([labels, noise]).astype(float), n_copies, axis=0)
    labels, group = np.repeat(labels, n_copies), np.repeat(EACH_ALONE[: 2 * n_groups], n_copies)
    learnt = np.isin(group, EACH_ALONE[: n_groups + n_groups % 2])
    assert roc_auc_score(labels, out_of_bag(few, labels, group)) > 0.85
    assert roc_auc_score(labels[~learnt], forests.held_out(few, labels, group, learnt, 7)) > 0.85


def test_two_groups_of_a_class_are_enough_and_one_is_not():
    few = [0, 1, 2, 3]
    assert np.isfinite(out_of_bag(TELLING[few], FRACTURED[few], EACH_ALONE[few])).all()
    few = [0, 1, 3]
    with pytest.raises(ValueError, match=r"need two groups.*1 fractured, 2 not"):
        out_of_bag(TELLING[few], FRACTURED[few], EACH_ALONE[few])
    learnt = np.array([True, True, False])
    assert np.isfinite(forests.held_out(TELLING[few], FRACTURED[few], EACH_ALONE[few], learnt, 7)).all()


def test_what_lacks_a_class_teaches_nothing():
    with pytest.raises(ValueError, match=r"train needs both classes.*30 fractured of 30"):
        held_out(TELLING, np.arange(N) < N // 2)


def test_many_groups_are_drawn_from_sparingly(monkeypatch):
    monkeypatch.setattr(forests, "_MAX_DRAWN", 12)
    units = forests._units(np.arange(N), FRACTURED, np.arange(N), 0.5)
    assert len(forests._drawn(units, np.random.default_rng(0))) == 12
    assert roc_auc_score(FRACTURED, out_of_bag(TELLING)) > 0.9


def test_the_same_seed_gives_the_same_scores_in_any_number_of_threads(monkeypatch):
    first = out_of_bag(NOISE)
    assert (first != out_of_bag(NOISE, seed=8)).any()
    monkeypatch.setattr(forests.os, "cpu_count", lambda: 1)
    np.testing.assert_array_equal(first, out_of_bag(NOISE))
