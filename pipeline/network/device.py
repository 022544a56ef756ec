"""The devices that TensorFlow works on, its threads, and its determinism."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import keras
import tensorflow as tf

from pipeline.config import Run
from pipeline.network.cluster import ALONE, Cluster

OUT_OF_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)
_REORDERING = (
    "arithmetic_optimization",
    "constant_folding",
    "dependency_optimization",
    "function_optimization",
    "implementation_selector",
    "layout_optimizer",
    "loop_optimization",
    "pin_to_host_optimization",
    "scoped_allocator_optimization",
    "shape_optimization",
)

prepared: Run | None = None  # with which settings this process was


class DeviceError(ValueError):
    """The device of ``run.device`` is not there."""


def prepare(settings: Run) -> None:
    """Choose the device and make every operation repeatable; call it before the first operation.

    Of TensorFlow's rewriting of graphs only the joining of a convolution with its bias and activation is
    left on: the order of other rewrites hangs on where memory happens to lie, so that one process rounds
    `(a * b) * c` where the next rounds `a * (b * c)`. Where gradients are taken even that is too much:
    :func:`no_rewriting`.

    Raises
    ------
    DeviceError
        ``run.device`` is ``gpu`` and TensorFlow sees none.
    """
    global prepared
    gpus = tf.config.list_physical_devices("GPU")
    if settings.device == "gpu" and not gpus:
        raise DeviceError(
            "run.device is gpu, and TensorFlow sees none. Received: 0 devices. "
            "Install TensorFlow's GPU support, or set run.device to auto or cpu."
        )
    if settings.device == "cpu":
        tf.config.set_visible_devices([], "GPU")
    if settings.threads:
        tf.config.threading.set_intra_op_parallelism_threads(settings.threads)
        tf.config.threading.set_inter_op_parallelism_threads(settings.threads)
    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    tf.config.optimizer.set_experimental_options({**dict.fromkeys(_REORDERING, False), "remapping": True})
    prepared = settings


@contextmanager
def no_rewriting() -> Iterator[None]:
    """Run graphs as they were written; for gradients, which would not repeat otherwise.

    Where memory seems short TensorFlow turns a sum of three gradients or more into additions in the order in
    which they come to be known, which is that of the clock. No option switches this rewriting off alone, and
    the joining of convolutions goes with it: a step of gradient descent takes 4 % longer.
    """
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


def has_gpu() -> bool:
    """Whether TensorFlow computes on a GPU here."""
    return bool(tf.config.list_logical_devices("GPU"))


def spread(settings: Run, processes: Cluster = ALONE) -> tf.distribute.Strategy:
    """How training is spread: over processes where there are several, or over this one's GPUs, or not at all.

    Where processes train together, each uses all its GPUs.
    """
    if processes.size > 1:
        return _over_processes()
    gpus = [] if settings.device == "cpu" else tf.config.list_logical_devices("GPU")
    if len(gpus) < 2:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus])


@cache
def _over_processes() -> tf.distribute.Strategy:
    """Meet the processes of ``TF_CONFIG``, once."""
    return tf.distribute.MultiWorkerMirroredStrategy()
