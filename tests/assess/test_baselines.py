import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.assess import baselines

RNG = np.random.default_rng(0)
THUMBNAILS = RNG.integers(0, 255, (60, 8, 8)).astype(np.uint8)
FRACTURED = np.arange(60) % 2 == 0


def remembered(train, train_fractured, test, test_fractured):
    y_score = baselines.nearest_neighbour(train, train_fractured, test)
    return baselines.memorisation(y_score, test_fractured)


def test_copies_of_training_radiographs_are_remembered():
    test = np.clip(THUMBNAILS[:20].astype(int) + 1, 0, 255).astype(np.uint8)
    assert remembered(THUMBNAILS, FRACTURED, test, FRACTURED[:20]) == (1.0, 1.0)


def test_the_nearest_neighbour_is_the_nearest(monkeypatch):
    monkeypatch.setattr(baselines, "_CHUNK", 7)
    train, test = THUMBNAILS[:40], THUMBNAILS[40:]
    flat = [stack.reshape(len(stack), -1).astype(float) for stack in (train, test)]
    distance = np.linalg.norm(flat[1][:, None] - flat[0][None], axis=2)
    expected = (FRACTURED[:40][distance.argmin(axis=1)] == FRACTURED[40:]).mean()
    scores = remembered(train, FRACTURED[:40], test, FRACTURED[40:])
    assert scores.accuracy == pytest.approx(expected)


def null(values, weight=None):
    weight = np.ones(30) if weight is None else weight
    y_score = baselines.null_scores(values[:30], FRACTURED[:30], weight, values[30:], 7)
    return roc_auc_score(FRACTURED[30:], y_score)


def test_features_that_tell_the_label_score_one():
    assert null(np.column_stack([FRACTURED, RNG.normal(size=60)]).astype(float)) == 1.0


def test_features_that_are_equal_score_chance():
    assert null(np.ones((60, 3))) == 0.5


def test_a_radiograph_without_weight_teaches_nothing():
    values, weight = FRACTURED.astype(float)[:, None].copy(), np.ones(30)
    values[:20], weight[:20] = 1 - values[:20], 0  # most of train tells the opposite
    assert null(values) == 0
    assert null(values, weight) == 1


def cross_validate(values, fold, fractured=FRACTURED):
    return baselines.cross_validated_scores(values, fractured, np.ones(60), fold, 7)


def test_scores_of_a_fold_do_not_depend_on_its_own_labels():
    fold = np.arange(60) // 2 % 5
    values = RNG.normal(size=(60, 3))
    other = np.where(fold == 0, ~FRACTURED, FRACTURED)
    first, second = cross_validate(values, fold), cross_validate(values, fold, other)
    np.testing.assert_array_equal(first[fold == 0], second[fold == 0])
    assert (first[fold == 1] != second[fold == 1]).any()


def test_cross_validation_finds_what_tells_the_label_and_nothing_in_noise():
    fold = np.arange(60) // 2 % 5
    telling = np.column_stack([FRACTURED, RNG.normal(size=60)]).astype(float)
    assert roc_auc_score(FRACTURED, cross_validate(telling, fold)) == 1
    assert 0.2 < roc_auc_score(FRACTURED, cross_validate(RNG.normal(size=(60, 3)), fold)) < 0.8


def test_folds_that_part_the_classes_are_refused():
    with pytest.raises(ValueError, match=r"train needs both classes.*0 fractured of 30"):
        cross_validate(RNG.normal(size=(60, 2)), FRACTURED.astype(int))


def test_one_class_is_refused():
    with pytest.raises(ValueError, match=r"train needs both classes.*60 fractured of 60"):
        baselines.nearest_neighbour(THUMBNAILS, np.ones(60, bool), THUMBNAILS)
    with pytest.raises(ValueError, match=r"test needs both classes.*0 fractured of 60"):
        baselines.memorisation(np.zeros(60), np.zeros(60, bool))
