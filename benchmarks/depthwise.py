"""Time the gradient of depthwise kernels: the library's against the one that `train` takes on a processor.

    python benchmarks/depthwise.py [--side-px 512] [--batch 16] [--rounds 9]

The layers are those of EfficientNet-Lite0 with kernels of 5 x 5 and stride 1, on canvases of that side.
Both take their turn in each round, and the table shows medians; "convolving" is the forward pass, for scale.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import tensorflow as tf

from pipeline import config
from pipeline.network import depthwise, device

LAYERS = ((8, 240), (16, 480), (16, 672), (32, 1152))  # stride of the map, channels


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--side-px", type=int, default=512)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    device.prepare(config.read().run)
    print("| map | convolving, ms | library's gradient, ms | ours, ms | greatest difference |")
    print("|---|---|---|---|---|")
    for stride, channels in LAYERS:
        side = options.side_px // stride
        inputs, upstream = (
            tf.random.normal((options.batch, side, side, channels), seed=seed) for seed in (1, 2)
        )
        kernel = tf.random.normal((5, 5, channels, 1), seed=3)
        ways = [tf.function(way) for way in (forward, library, ours)]
        spent = [
            [milliseconds(way, inputs, upstream, kernel) for way in ways] for _ in range(options.rounds + 1)
        ]
        shown = [f"{statistics.median(times):.1f}" for times in zip(*spent[1:], strict=True)]
        expected, found = (way(inputs, upstream, kernel) for way in ways[1:])
        apart = float(tf.reduce_max(tf.abs(found - expected)) / tf.reduce_max(tf.abs(expected)))
        print(f"| {side} x {side} x {channels} | {' | '.join(shown)} | {apart:.0e} |")


def forward(inputs: tf.Tensor, upstream: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Convolve."""
    return tf.nn.depthwise_conv2d(inputs, kernel, [1, 1, 1, 1], "SAME")


def library(inputs: tf.Tensor, upstream: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Take the gradient for the kernel as TensorFlow does."""
    return tf.nn.depthwise_conv2d_backprop_filter(inputs, tf.shape(kernel), upstream, [1, 1, 1, 1], "SAME")


def ours(inputs: tf.Tensor, upstream: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Take the gradient for the kernel as `train` does."""
    return depthwise.kernel_gradient(inputs, upstream, kernel.shape[:2])


def milliseconds(way: Callable[..., tf.Tensor], *arguments: tf.Tensor) -> float:
    """Time one call, which on a processor returns when it is done."""
    started = time.perf_counter()
    way(*arguments)
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    main()
