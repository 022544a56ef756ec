"""A training that is killed, without warning, again and again, and goes on each time."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.config import Config, Run, Train
from pipeline.network import backbone_names, classifier, device
from pipeline.train import training
from tests import records

SEED, EPOCHS = 7, 12
STRUCK_AFTER = (0, 2, 4, 6, 8)  # epochs; the blow falls somewhere in the next one

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["pipeline.train.training"])


def work(run: Run, settings: Train, examples: training.Examples, folder: Path, tell: Connection) -> None:
    """Train in a process of its own, tell of each epoch, and leave the weights."""
    backbone_names.LITE["narrow"] = (0.25, 0.25)
    device.prepare(run)
    keras.utils.set_random_seed(time.monotonic_ns() % 2**31 if (folder / "training.npz").exists() else SEED)
    model = classifier.build(settings, (records.SIDE, records.SIDE))
    saved = folder / "training.npz"
    training.fit(model, examples, settings, SEED, saved, lambda epoch, row: tell.send(epoch))
    np.savez(folder / "weights.npz", *model.get_weights())


@pytest.fixture
def begin(params: Config, settings: Train, examples: training.Examples):
    """A function that starts a training, or goes on with one, in a folder."""
    steady = settings.model_copy(update={"max_epochs": EPOCHS, "patience": EPOCHS, "ema_decay": 0.9})
    run = params.run.model_copy(update={"device": "cpu", "threads": 0})

    def start(folder: Path) -> tuple[BaseProcess, Connection]:
        folder.mkdir(exist_ok=True)
        hear, tell = processes.Pipe(duplex=False)
        process = processes.Process(target=work, args=(run, steady, examples, folder, tell))
        process.start()
        tell.close()
        return process, hear

    return start


@pytest.mark.reliability(33)
def test_five_kills_change_no_weight(begin, tmp_path: Path) -> None:
    unbroken, hear = begin(tmp_path / "unbroken")
    ended = [time.monotonic() for _ in range(EPOCHS) if hear.recv() >= 0]
    unbroken.join()
    epoch_s = (ended[-1] - ended[1]) / (EPOCHS - 2)
    moments = np.random.default_rng(SEED).uniform(0, epoch_s, len(STRUCK_AFTER))
    for epoch, moment in zip(STRUCK_AFTER, moments, strict=True):
        process, hear = begin(tmp_path / "killed")
        while hear.recv() < epoch:
            pass
        time.sleep(moment)
        process.kill()
        process.join()
        assert process.exitcode == -9
    last, _ = begin(tmp_path / "killed")
    last.join()
    expected, found = (
        np.load(tmp_path / name / "weights.npz", allow_pickle=False) for name in ("unbroken", "killed")
    )
    assert expected.files == found.files
    assert all(np.array_equal(expected[name], found[name]) for name in expected.files)
