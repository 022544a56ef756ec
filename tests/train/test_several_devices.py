"""Training spread over two devices; two halves of the processor stand for two GPUs."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import Config, Run, Train
from pipeline.train.training import Examples

SEED = 7

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["pipeline.train.training"])


def work(n_devices: int, run: Run, settings: Train, examples: Examples, folder: Path) -> None:
    """Train in a process of its own, whose devices are not set up yet; leave losses and weights."""
    import tensorflow as tf

    from pipeline.network import backbone_names, classifier, device
    from pipeline.train import training
    from tests import records

    backbone_names.LITE["narrow"] = (0.25, 0.25)
    (processor,) = tf.config.list_physical_devices("CPU")
    halves = [tf.config.LogicalDeviceConfiguration() for _ in range(n_devices)]
    tf.config.set_logical_device_configuration(processor, halves)
    device.prepare(run)
    names = [f"CPU:{number}" for number in range(n_devices)]
    strategy = tf.distribute.MirroredStrategy(names) if n_devices > 1 else tf.distribute.get_strategy()
    with strategy.scope():
        model = classifier.build(settings, (records.SIDE, records.SIDE))
        history = training.fit(model, examples, settings, SEED, folder / "training.npz")
    losses = [row["train_loss"] for row in history]
    np.savez(folder / "result.npz", *model.get_weights(), losses=losses)


@pytest.fixture
def plain(settings: Train) -> Train:
    """Nothing random but the order, so that a batch split in two has the same mean."""
    still = dict.fromkeys(type(settings.augment).model_fields, 0)
    return settings.model_copy(
        update={
            "augment": settings.augment.model_copy(update=still),
            "dropout": 0.0,
            "mask_loss_weight": 0.0,
            "ema_decay": 0.9,
            "batch_size": 4,
        }
    )


def test_two_devices_learn_as_one(params: Config, plain: Train, examples: Examples, tmp_path: Path) -> None:
    run = params.run.model_copy(update={"device": "cpu", "threads": 0})
    found = []
    for n_devices in (1, 2):
        folder = tmp_path / str(n_devices)
        folder.mkdir()
        process = processes.Process(target=work, args=(n_devices, run, plain, examples, folder))
        process.start()
        process.join()
        assert process.exitcode == 0
        found.append(np.load(folder / "result.npz", allow_pickle=False))
    one, two = found
    assert one["losses"] == pytest.approx(two["losses"], rel=1e-3)
    for name in set(one.files) - {"losses"}:
        assert np.allclose(one[name], two[name], atol=2e-3), name
