import numpy as np
import pytest

from pipeline.statistics import memorisation

RNG = np.random.default_rng(0)
THUMBNAILS = RNG.integers(0, 255, (60, 8, 8)).astype(np.uint8)
FRACTURED = np.arange(60) % 2 == 0


def remembered(train, train_fractured, test, test_fractured):
    y_score = memorisation.nearest_neighbour(train, train_fractured, test)
    return memorisation.memorisation(y_score, test_fractured)


def test_copies_of_training_radiographs_are_remembered():
    test = np.clip(THUMBNAILS[:20].astype(int) + 1, 0, 255).astype(np.uint8)
    assert remembered(THUMBNAILS, FRACTURED, test, FRACTURED[:20]) == (1.0, 1.0)


def test_the_nearest_neighbour_is_the_nearest(monkeypatch):
    monkeypatch.setattr(memorisation, "_CHUNK", 7)
    train, test = THUMBNAILS[:40], THUMBNAILS[40:]
    flat = [stack.reshape(len(stack), -1).astype(float) for stack in (train, test)]
    distance = np.linalg.norm(flat[1][:, None] - flat[0][None], axis=2)
    expected = (FRACTURED[:40][distance.argmin(axis=1)] == FRACTURED[40:]).mean()
    scores = remembered(train, FRACTURED[:40], test, FRACTURED[40:])
    assert scores.accuracy == pytest.approx(expected)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match=r"train needs both classes.*60 fractured of 60"):
        memorisation.nearest_neighbour(THUMBNAILS, np.ones(60, bool), THUMBNAILS)
    with pytest.raises(ValueError, match=r"test needs both classes.*0 fractured of 60"):
        memorisation.memorisation(np.zeros(60), np.zeros(60, bool))
