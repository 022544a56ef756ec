from __future__ import annotations

import pytest
import tensorflow as tf

from pipeline.config import Config
from pipeline.network import device


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="a GPU is here")
@pytest.mark.reliability(43)
def test_a_gpu_that_is_not_there_is_refused_with_advice(params: Config) -> None:
    with pytest.raises(device.DeviceError, match=r"Received: 0 devices\. .*set run\.device to auto or cpu"):
        device.prepare(params.run.model_copy(update={"device": "gpu"}))


def test_random_numbers_start_from_the_seed(params: Config) -> None:
    drawn = []
    for _ in range(2):
        device.prepare(params.run.model_copy(update={"device": "cpu", "threads": 0}))
        drawn.append(tf.random.uniform((3,)).numpy().tolist())
    assert drawn[0] == drawn[1]


def test_graphs_are_not_reordered_since_their_rounding_would_differ_between_processes(params: Config) -> None:
    """That two processes then train alike is seen at full size only: tests/test_floors.py."""
    device.prepare(params.run.model_copy(update={"device": "cpu", "threads": 0}))
    options = tf.config.optimizer.get_experimental_options()
    assert {name for name, is_on in options.items() if is_on} == {"remapping"}


def test_rewriting_is_off_where_asked_and_on_again_after_it() -> None:
    with device.no_rewriting():
        assert tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"]
    assert not tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"]
