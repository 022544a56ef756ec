"""Say what training on a GPU takes: radiographs a second in either precision, and the share of waiting.

    python benchmarks/gpu.py [--batches 40]

Reads the shards that `dvc repro preprocess` left, augments and learns as the stage `train` does, at its
settings, on the first GPU. Each precision has a process of its own; the first epoch, in which
graphs are built, does not count. Without a GPU it ends with an error: `benchmarks/feeding.py` serves there.
"""

from __future__ import annotations

import argparse
import multiprocessing

import feeding
import pandas as pd

from pipeline import config as settings
from pipeline.config import Config
from pipeline.network import device
from pipeline.preprocess import shards
from pipeline.train import precision

PRECISIONS: tuple[precision.Policy, ...] = ("float32", "mixed_float16")


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batches", type=int, default=40, help="an epoch")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, maxtasksperchild=1) as pool:
        rows = [pool.apply(measured, (chosen, options.batches)) for chosen in PRECISIONS]
    print(pd.DataFrame(rows).round(3).to_markdown(index=False))


def measured(chosen: precision.Policy, n_batches: int) -> dict[str, object]:
    """Train all parts of the network in one precision."""
    config = _on_a_gpu(settings.read(), chosen)
    device.prepare(config.run)
    index = shards.read_index(config.paths.shards)
    wanted = config.train.batch_size * n_batches
    train = index[index["split"] == "train"]
    train = train.sample(wanted, replace=len(train) < wanted, random_state=config.run.seed)
    with precision.in_force(chosen):
        found = feeding.together(config, train.reset_index(drop=True))
    rate = config.train.batch_size / found["step, s"]
    return {"precision": chosen, "radiographs a second": rate, **found}


def _on_a_gpu(config: Config, chosen: precision.Policy) -> Config:
    epochs = {"max_epochs": 3, "head_epochs": 0, "class_balanced": False, "precision": chosen}
    return config.model_copy(
        update={
            "run": config.run.model_copy(update={"device": "gpu"}),
            "train": config.train.model_copy(update=epochs),
        }
    )


if __name__ == "__main__":
    main()
