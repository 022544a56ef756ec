"""Say whether training waits for its radiographs: how long a step takes, and how much of it is waiting.

    python benchmarks/feeding.py [--batches 20]

Reads the shards that `dvc repro preprocess` left, augments and learns as the stage `train` does, at its
settings. Three figures a phase of training: seconds a batch while nothing but the input runs, seconds a step
while both run, and the share of that which the step spends waiting. The first epoch, in which graphs are
built, does not count.
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
from pipeline.data import engine, shards
from pipeline.model import classifier, device, training
from pipeline.model.augmentation import Augmentation

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
    train = index[index["split"] == "train"].head(few).reset_index(drop=True)
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
    """Seconds a step takes in training, and the share of it that is waited for the batch."""
    epochs: list[tuple[float, float, int]] = []

    def timed(batches: Iterable[Any], **_: Any) -> Iterator[Any]:
        started, waited, count, iterator = time.monotonic(), 0.0, 0, iter(batches)
        while True:
            asked = time.monotonic()
            batch = next(iterator, None)
            waited += time.monotonic() - asked
            if batch is None:
                break
            count += 1
            yield batch
        epochs.append((time.monotonic() - started, waited, count))

    keras.utils.set_random_seed(config.run.seed)
    model = classifier.build(config.train, (config.preprocess.height_px, config.preprocess.width_px))
    examples = training.Examples(config.paths.shards, train, train.head(config.train.batch_size))
    with tempfile.TemporaryDirectory() as work, mock.patch.object(engine, "track", timed):
        training.fit(model, examples, config.train, config.run.seed, Path(work) / "training.npz")
    seconds, waited, steps = map(sum, zip(*epochs[1:], strict=True))
    return {"step, s": seconds / steps, "of it waiting": waited / seconds}


if __name__ == "__main__":
    main()
