"""Training spread over two devices, or two processes; two halves of the processor stand for two GPUs.

All that is random is on: order, augmentation with mixtures, dropout. Masks and boxes are learnt from.
"""

from __future__ import annotations

import multiprocessing
import socket
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.config import Config, Train
from pipeline.network.cluster import VARIABLE, Cluster
from pipeline.train.training import Examples

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["pipeline.train.training"])


def work(
    n_devices: int, config: Config, examples: Examples, folder: Path, processes: Cluster | None = None
) -> None:
    """Train in a process of its own, whose devices are not set up yet; leave losses and weights."""
    import os

    import tensorflow as tf

    from pipeline.network import backbone_names, device
    from pipeline.network.box_head import BOX_HEAD
    from pipeline.train import self_training

    os.environ.pop(VARIABLE, None)
    if processes:
        os.environ[VARIABLE] = processes.variable()
    backbone_names.LITE["narrow"] = (0.25, 0.25)
    (processor,) = tf.config.list_physical_devices("CPU")
    halves = [tf.config.LogicalDeviceConfiguration() for _ in range(n_devices)]
    tf.config.set_logical_device_configuration(processor, halves)
    device.prepare(config.run)
    if n_devices > 1:
        names = [f"CPU:{number}" for number in range(n_devices)]
        device.spread = lambda *_: tf.distribute.MirroredStrategy(names)  # type: ignore[assignment]
    model, history = self_training.fit(config, examples, config.train, folder / "training.npz")
    losses = [[row["train_loss"], row["val_loss"]] for row in history]
    # A bias before a normalisation has no gradient but rounding, of which the optimizer makes whole steps.
    kept = [layer.get_weights() for layer in model.layers if not layer.name.startswith(BOX_HEAD)]
    np.savez(
        folder / f"result{processes.rank if processes else ''}.npz", *chain.from_iterable(kept), losses=losses
    )
    os._exit(0)


@pytest.fixture
def config(params: Config, settings: Train) -> Config:
    augment = settings.augment.model_copy(update={"mixup": 0.4, "acquisition": 0.3})
    train = settings.model_copy(
        update={"augment": augment, "ema_decay": 0.9, "batch_size": 5, "head_epochs": 0, "max_epochs": 3}
    )
    canvas = params.preprocess.model_copy(update={"height_px": 64, "width_px": 64})
    run = params.run.model_copy(update={"device": "cpu", "threads": 0})
    return params.model_copy(update={"train": train, "run": run, "preprocess": canvas})


@pytest.fixture
def alone(config: Config, examples: Examples, tmp_path: Path) -> Any:
    return trained(tmp_path / "alone", [(1, config, examples, tmp_path / "alone")])


def trained(folder: Path, arguments: list[tuple[Any, ...]]) -> Any:
    """Train in as many processes, and return what the first one left."""
    folder.mkdir(exist_ok=True)
    running = [processes.Process(target=work, args=each) for each in arguments]
    for process in running:
        process.start()
    for process in running:
        process.join()
        assert process.exitcode == 0
    return np.load(next(folder.glob("result*.npz")), allow_pickle=False)


def require_alike(one: Any, two: Any) -> None:
    assert np.abs(one["losses"] - two["losses"]).max() < 1e-4
    for name in set(one.files) - {"losses"}:
        assert np.allclose(one[name], two[name], atol=2e-3), name


def test_two_devices_learn_as_one(alone: Any, config: Config, examples: Examples, tmp_path: Path) -> None:
    folder = tmp_path / "devices"
    require_alike(alone, trained(folder, [(2, config, examples, folder)]))


@pytest.mark.slow
def test_two_processes_learn_as_one(alone: Any, config: Config, examples: Examples, tmp_path: Path) -> None:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        addresses = tuple(f"127.0.0.1:{each.getsockname()[1]}" for each in (one, other))
    folder = tmp_path / "processes"
    both = [(1, config, examples, folder, Cluster(addresses, rank)) for rank in range(2)]
    require_alike(alone, trained(folder, both))
