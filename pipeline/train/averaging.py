"""A running average of a network's weights: steadier than the weights of any one step.

References
----------
B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM
Journal on Control and Optimization 30 (1992), doi 10.1137/0330046.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

_WARMUP = 10.0  # steps
_SAME_EVERYWHERE = tf.VariableAggregation.ONLY_FIRST_REPLICA  # as the weights are, on several devices


class WeightAverage:
    """Exponential moving average of weights that go on learning.

    Parameters
    ----------
    weights
        What learns.
    decay
        Share of the average that a step keeps; less in the first steps, so that the random start
        is soon forgotten. 0: the average is the last step.
    """

    def __init__(self, weights: list[keras.Variable], decay: float) -> None:
        self._weights, self._decay = weights, decay
        self._averages = [tf.Variable(weight.value, aggregation=_SAME_EVERYWHERE) for weight in weights]
        self._n_steps = tf.Variable(0.0, aggregation=_SAME_EVERYWHERE)

    @property
    def variables(self) -> list[tf.Variable]:
        """All that a checkpoint must hold."""
        return [self._n_steps, *self._averages]

    def update(self) -> None:
        """Take one more step into the average; may be compiled."""
        self._n_steps.assign_add(1.0)
        decay = tf.minimum(self._decay, self._n_steps / (_WARMUP + self._n_steps))
        for average, weight in zip(self._averages, self._weights, strict=True):
            average.assign(weight.value + decay * (average - weight.value))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the network its average weights for a while, then those that go on learning."""
        learning = [weight.numpy() for weight in self._weights]
        for average, weight in zip(self._averages, self._weights, strict=True):
            weight.assign(average)
        try:
            yield
        finally:
            for value, weight in zip(learning, self._weights, strict=True):
                weight.assign(value)
