"""A narrow backbone and a handful of small radiographs: networks that train in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import pandas as pd
import pytest

from pipeline.config import Config, Train
from pipeline.network import backbone_names, classifier, device
from pipeline.preprocess import shards
from pipeline.train import training
from tests import records


@pytest.fixture(scope="session", autouse=True)
def _repeatable(params: Config) -> None:
    device.prepare(params.run.model_copy(update={"device": "cpu", "threads": 0}))


@pytest.fixture(scope="session", autouse=True)
def _narrow_backbone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(backbone_names.LITE, "narrow", (0.25, 0.25))
        yield


@pytest.fixture(scope="session")
def settings(params: Config) -> Train:
    """The repository's settings with a network that is narrow and random at first, and keeps its best."""
    changes = {
        "backbone": "narrow",
        "weights": "random",
        "frozen_fraction": 0.5,  # what learns holds a kernel of 5 x 5 with stride 1
        "pyramid_channels": 8,
        "batch_size": 6,
        "head_epochs": 1,
        "max_epochs": 2,
        "patience": 2,
        "checkpoint": "best",
        "ema_decay": 0.0,
    }
    return params.train.model_copy(update=changes)


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> training.Examples:
    """16 radiographs to train on, in groups of two, and 8 to choose by."""
    folder = tmp_path_factory.mktemp("examples") / "shards"
    drawn = [records.record(i, group_size=2) for i in range(16)]
    drawn += [records.record(i, split="val") for i in range(16, 24)]
    shards.write(folder, drawn, records_per_shard=8)
    index = shards.read_index(folder)
    return training.Examples(folder, split(index, "train"), split(index, "val"))


def split(index: pd.DataFrame, name: str) -> pd.DataFrame:
    return index[index["split"] == name].reset_index(drop=True)


@pytest.fixture(scope="session")
def network(settings: Train) -> keras.Model:
    """Not to be trained: other tests see it too."""
    keras.utils.set_random_seed(3)
    return classifier.build(settings, (records.SIDE, records.SIDE))


@pytest.fixture(scope="session")
def network_file(network: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "classifier.keras"
    classifier.save(network, path)
    return path
