"""Say whether training waits for its radiographs: how long a step takes, and how much of it is waiting.

    python benchmarks/feeding.py [--batches 20]

Reads the shards that `dvc repro preprocess` left, augments and learns as the stage `train` does, at its
settings. Four figures a phase of training: seconds a batch while nothing but the input runs, seconds to the
first batch of an epoch, seconds a step after it, and the share of these that it waits for the next batch. The
first epoch, in which graphs are built, does not count.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import pandas as pd

from pipeline import config as settings
from pipeline.files import engine
from pipeline.network import classifier, device
from pipeline.preprocess import shards
from pipeline.train import training
from pipeline.train.augmentation import Augmentation

_EPOCHS = 3  # of each phase


def main() -> None:
    """Measure the head's phase and that of all parts, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batches", type=int, default=20, help="an epoch")
    options = parser.parse_args()
    config = settings.read()
    device.prepare(config.run)
    index = shards.read_index(config.paths.shards)
    few = config.train.batch_size * options.batches
    train = index[index["split"] == "train"].sample(few, random_state=config.run.seed).reset_index(drop=True)
    rows = []
    for phase, head_epochs in (("head", _EPOCHS), ("all parts", 0)):
        chosen = config.train.model_copy(
            update={"max_epochs": _EPOCHS, "head_epochs": head_epochs, "class_balanced": False}
        )
        changed = config.model_copy(update={"train": chosen})
        rows.append({"phase": phase, "input alone, s": alone(changed, train), **together(changed, train)})
    print(pd.DataFrame(rows).round(3).to_markdown(index=False))


def alone(config: settings.Config, train: pd.DataFrame) -> float:
    """Seconds a batch takes to be read, decoded and augmented, with all cores to itself."""
    shown = shards.dataset(config.paths.shards, train, config.train.batch_size, with_masks=True)
    augment = Augmentation(config.train.augment, config.run.seed)
    for epoch in (0, 1):
        started = time.monotonic()
        count = sum(1 for _ in augment.apply(shown, epoch))
    return (time.monotonic() - started) / count


def together(config: settings.Config, train: pd.DataFrame) -> dict[str, float]:
    """Seconds to an epoch's first batch, those of a step after it, and the share of these that is waiting."""
    epochs: list[dict[str, float]] = []

    def timed(batches: Iterable[Any], **_: Any) -> Iterator[Any]:
        asked, iterator = time.monotonic(), iter(batches)
        first = next(iterator)
        begun = time.monotonic()
        yield first
        started, waits = time.monotonic(), []
        for batch, seconds in _awaited(iterator):
            waits.append(seconds)
            yield batch
        passed = time.monotonic() - started
        shares = {"step, s": passed / len(waits), "of it waiting": sum(waits) / passed}
        epochs.append({"first batch, s": begun - asked, **shares})

    keras.utils.set_random_seed(config.run.seed)
    model = classifier.build(config.train, (config.preprocess.height_px, config.preprocess.width_px))
    examples = training.Examples(config.paths.shards, train, train.groupby("fractured").head(1))
    with tempfile.TemporaryDirectory() as work, mock.patch.object(engine, "track", timed):
        training.fit(model, examples, config.train, config.run.seed, Path(work) / "training.npz")
    return dict(pd.DataFrame(epochs[1:]).mean())


def _awaited(iterator: Iterator[Any]) -> Iterator[tuple[Any, float]]:
    """Yield each batch with the seconds that were waited for it."""
    while True:
        asked = time.monotonic()
        batch = next(iterator, None)
        if batch is None:
            return
        yield batch, time.monotonic() - asked


if __name__ == "__main__":
    main()
