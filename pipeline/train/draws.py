"""Random numbers of a batch of radiographs, the same again for the same seed and batch."""

from __future__ import annotations

import tensorflow as tf

from pipeline.train.sharing import Share


class Draw:
    """Random numbers that hang on seed and batch alone; each call gives new ones."""

    def __init__(self, seed: int, batch: tf.Tensor) -> None:
        self._key = tf.stack([tf.constant(seed, tf.int64), tf.cast(batch, tf.int64)])
        self._n_calls = 0

    def uniform(self, n: tf.Tensor, low: float, high: float) -> tf.Tensor:
        """Draw ``n`` numbers between ``low`` and ``high``."""
        return tf.random.stateless_uniform([n], self._next(), low, high)

    def beta(self, n: tf.Tensor, alpha: float) -> tf.Tensor:
        """Draw ``n`` numbers of the distribution Beta(alpha, alpha)."""
        one, other = (tf.random.stateless_gamma([n], self._next(), alpha) for _ in range(2))
        return tf.math.divide_no_nan(one, one + other)

    def partners(self, part: tf.Tensor) -> tf.Tensor:
        """Give each of a batch's radiographs another one's part."""
        return tf.reverse(part, axis=[0])

    def _next(self) -> tf.Tensor:
        self._n_calls += 1
        return tf.random.experimental.stateless_fold_in(self._key, tf.constant(self._n_calls, tf.int64))


class ShareDraw(Draw):
    """Random numbers of a share's radiographs: those that they would have in the whole batch."""

    def __init__(self, seed: int, batch: tf.Tensor, share: Share) -> None:
        super().__init__(seed, batch)
        self._share = share

    def uniform(self, n: tf.Tensor, low: float, high: float) -> tf.Tensor:
        """Draw for the whole batch, and take the share's."""
        return tf.gather(super().uniform(self._share.size, low, high), self._share.positions)

    def beta(self, n: tf.Tensor, alpha: float) -> tf.Tensor:
        """Draw for the whole batch, and take the share's."""
        return tf.gather(super().beta(self._share.size, alpha), self._share.positions)

    def partners(self, part: tf.Tensor) -> tf.Tensor:
        """Give each radiograph the part of the one that mirrors its place in the whole batch."""
        return tf.gather(part, self._share.partners)
