"""Depthwise convolution whose large kernels learn fast on a CPU."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers

from pipeline.network import device

_LARGE = 5  # from this side on the library's gradient of a kernel takes six to eight times its convolution


@keras.saving.register_keras_serializable(package="fracture")
class DepthwiseConv2D(layers.DepthwiseConv2D):  # type: ignore[misc]
    """Keras' layer, but for how the gradient of a large kernel is computed while it learns on a CPU.

    The values are the same up to rounding, and so is the layer in every other respect.
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Convolve (B, H, W, C) channel by channel."""
        is_plain = {*self.strides, *self.dilation_rate, self.depth_multiplier} == {1}
        is_usual = (self.padding, self.data_format) == ("same", "channels_last")
        is_slow = is_plain and is_usual and min(self.kernel_size) >= _LARGE
        if not (training and is_slow) or device.has_gpu():
            return super().call(inputs)
        convolved = _convolve(inputs, tf.convert_to_tensor(self.kernel))
        return self.activation(convolved + self.bias if self.use_bias else convolved)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _convolve(inputs: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, object]:
    """Convolve with stride 1; give gradients for inputs and kernel."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        towards_inputs = tf.nn.depthwise_conv2d_backprop_input(
            tf.shape(inputs), kernel, upstream, [1, 1, 1, 1], "SAME"
        )
        return towards_inputs, kernel_gradient(inputs, upstream, kernel.shape[:2])

    return tf.nn.depthwise_conv2d(inputs, kernel, [1, 1, 1, 1], "SAME"), gradient


def kernel_gradient(inputs: tf.Tensor, upstream: tf.Tensor, kernel_size: tuple[int, int]) -> tf.Tensor:
    """Gradient of a loss for the kernel of a depthwise convolution with stride 1 and padding ``same``.

    A kernel's gradient is itself a depthwise convolution: of each example with its upstream gradient for a
    kernel. The sum over examples is taken in their order, so that it repeats.

    Parameters
    ----------
    inputs, upstream
        (B, H, W, C): what was convolved, and the loss's gradient for the outcome.
    kernel_size
        Height and width of the kernel, K and L.

    Returns
    -------
    tf.Tensor
        (K, L, C, 1).
    """
    height, width = kernel_size
    around = [[0, 0], *([(side - 1) // 2, side // 2] for side in kernel_size), [0, 0]]

    def add(example: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        as_kernel = upstream[example][..., tf.newaxis]
        gradient = tf.nn.depthwise_conv2d(inputs[example : example + 1], as_kernel, [1, 1, 1, 1], around)
        return example + 1, total + gradient[0][..., tf.newaxis]

    start = tf.zeros((height, width, inputs.shape[-1], 1), inputs.dtype)
    examples = tf.shape(inputs)[0]
    return tf.while_loop(lambda example, total: example < examples, add, (0, start))[1]
