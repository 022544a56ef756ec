"""What the code under test calls, noted while it goes on as before."""

from __future__ import annotations

import pytest
import tensorflow as tf

from pipeline.network import depthwise


def kernel_gradients(patch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Sizes of the kernels whose gradient our own function takes, added as they come, once for each graph."""
    sizes: list[tuple[int, ...]] = []
    own = depthwise.kernel_gradient

    def noted(inputs: tf.Tensor, upstream: tf.Tensor, kernel_size: tuple[int, int]) -> tf.Tensor:
        sizes.append(tuple(kernel_size))
        return own(inputs, upstream, kernel_size)

    patch.setattr(depthwise, "kernel_gradient", noted)
    return sizes
