from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.train.averaging import WeightAverage


def stepped(decay: float, values: list[float]) -> tuple[keras.Variable, WeightAverage]:
    """A weight that starts at the first value and takes the others, one a step."""
    weight = keras.Variable([float(values[0])])
    average = WeightAverage([weight], decay)
    for value in values[1:]:
        weight.assign([float(value)])
        average.update()
    return weight, average


def seen(weight: keras.Variable, average: WeightAverage) -> float:
    with average.applied():
        return float(weight.numpy()[0])


def test_without_a_decay_it_is_the_last_step() -> None:
    assert seen(*stepped(0.0, [5, 1, 2, 3])) == 3


def test_it_moves_by_what_the_decay_leaves() -> None:
    first, second = 1 / 11, 2 / 12  # the decay of the first steps
    after_one = 5 * first + 1 * (1 - first)
    expected = after_one * second + 2 * (1 - second)
    assert seen(*stepped(0.99, [5, 1, 2])) == pytest.approx(expected, rel=1e-5)


def test_it_settles_on_weights_that_no_longer_change() -> None:
    assert seen(*stepped(0.9, [100.0, *[2.0] * 200])) == pytest.approx(2, abs=1e-4)


def test_afterwards_the_network_learns_on_from_where_it_was() -> None:
    weight, average = stepped(0.9, [5, 1, 2])
    with pytest.raises(ValueError, match="stop"), average.applied():
        raise ValueError("stop")
    assert float(weight.numpy()[0]) == 2


def test_a_compiled_update_does_the_same() -> None:
    random = np.random.default_rng(0)
    values = [float(value) for value in random.normal(size=6)]
    weight = keras.Variable([float(values[0])])
    average = WeightAverage([weight], 0.9)
    update = tf.function(average.update)
    for value in values[1:]:
        weight.assign([float(value)])
        update()
    assert seen(weight, average) == pytest.approx(seen(*stepped(0.9, values)))
