"""Say how well features tell what a model did not learn from: phantoms, and each part of the body left out.

    python benchmarks/scope.py ../shared/data/fracatlas_full [--classifier FILE] [--most 180]

Radiographs of `train` and `val` that show one part alone, at most so many of each part and split; `test` is
not read. The packaged backbone is asked, or a trained classifier. A part is left out of the bank alone: the
honest figure of a trained classifier needs one that was trained without it.

Every row is a choice of features, scored by `pipeline.predict.scope`: AUROC of the part that is left out (of
both splits) against the rest of `val`; the share of phantoms beyond the threshold that 2 % of `val` exceed;
and that of radiographs for a bank of phantoms.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from pipeline import config as settings
from pipeline.files import images
from pipeline.network import classifier, device, interface
from pipeline.phantoms.drawing import draw
from pipeline.predict import scope
from pipeline.preprocess import canvas
from pipeline.statistics import metrics
from pipeline.types import FloatArray, StrArray, UInt8Array

PARTS = ("hand", "leg", "hip", "shoulder")
CHOICES = {
    "mean": ("mean",),
    "max": ("max",),
    "mean, max": ("mean", "max"),
    "mean, std": ("mean", "std"),
    "mean, std, max": ("mean", "std", "max"),
}
N_PHANTOMS = (160, 80)  # of train, and of val
Features = dict[str, FloatArray]


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--classifier", type=Path, help="a trained one; else the packaged backbone")
    parser.add_argument("--most", type=int, default=180, help="radiographs of each part and split")
    options = parser.parse_args()
    config = settings.read()
    device.prepare(config.run)
    shape = (config.preprocess.height_px, config.preprocess.width_px)
    model = (
        classifier.load(options.classifier) if options.classifier else classifier.build(config.train, shape)
    )
    rows, ask = listed(options.root, options.most), asker(model)
    read = (images.read(options.root / path).pixels for path in rows["path"])
    real = ask(canvas.place(pixels, config.preprocess)[0] for pixels in read)
    drawn = ask(
        canvas.place(
            draw(7, split, index, fractured=index % 2 == 0, side_px=(320, 560)).pixels, config.preprocess
        )[0]
        for split, count in zip(("train", "val"), N_PHANTOMS, strict=True)
        for index in range(count)
    )
    is_train, part = (rows["split"] == "train").to_numpy(), rows["part"].to_numpy(str)
    table = [{"features": name, **row(real, drawn, is_train, part, names)} for name, names in CHOICES.items()]
    print(pd.crosstab(rows["split"], rows["part"]).to_markdown(), "\n")
    print(pd.DataFrame(table).round(3).to_markdown(index=False))


def listed(root: Path, most: int) -> pd.DataFrame:
    """Radiographs of train and val with one part: ``path``, ``split``, ``part``."""
    labels = pd.read_csv(root / "labels.csv")
    labels = labels[labels["split"].isin(["train", "val"]) & (labels[[*PARTS]].sum(axis=1) == 1)]
    labels = labels.assign(part=labels[[*PARTS]].idxmax(axis=1))
    shuffled = labels.sample(frac=1, random_state=0)
    return shuffled.groupby(["split", "part"]).head(most).sort_values("path")[["path", "split", "part"]]


def asker(model: keras.Model) -> Callable[[Iterable[UInt8Array]], Features]:
    """From canvases to the pooled features of the coarsest level, by the name of the pooling."""
    coarsest = keras.Model(model.input, classifier.coarsest(model))

    @tf.function
    def pooled(canvases: tf.Tensor) -> dict[str, tf.Tensor]:
        features = coarsest(tf.cast(canvases, tf.float32)[..., None], training=False)
        mean, variance = tf.nn.moments(features, (1, 2))
        return {"mean": mean, "std": tf.sqrt(variance), "max": tf.reduce_max(features, (1, 2))}

    def ask(canvases: Iterable[UInt8Array]) -> Features:
        left = iter(canvases)
        batches = iter(lambda: list(islice(left, interface.BATCH)), [])
        answers = [pooled(np.stack(batch)) for batch in batches]
        return {name: np.concatenate([each[name] for each in answers]) for name in ("mean", "std", "max")}

    return ask


def row(
    real: Features, drawn: Features, is_train: np.ndarray, part: StrArray, names: tuple[str, ...]
) -> dict[str, float]:
    """All figures of one choice of features."""
    radiographs, phantoms = (np.concatenate([each[name] for name in names], axis=1) for each in (real, drawn))
    figures = {left: left_out(radiographs, is_train, part != left) for left in PARTS}
    first = N_PHANTOMS[0]
    figures["phantoms"] = beyond(radiographs[is_train], radiographs[~is_train], phantoms)
    figures["reverse"] = beyond(phantoms[:first], phantoms[first:], radiographs)
    return figures


def left_out(features: FloatArray, is_train: np.ndarray, kept: np.ndarray) -> float:
    """AUROC of a part that the bank lacks against the others of val."""
    asked = ~kept | ~is_train
    score = fitted(features[is_train & kept], features[~is_train & kept]).score(features[asked])
    return metrics.auroc(~kept[asked], score)


def beyond(bank: FloatArray, held_out: FloatArray, others: FloatArray) -> float:
    """Share of others out of scope."""
    made = fitted(bank, held_out)
    return float((made.score(others) > made.threshold).mean())


def fitted(bank: FloatArray, held_out: FloatArray) -> scope.Scope:
    """Fit a scope to radiographs that all weigh alike."""
    return scope.fit(bank, np.full(len(bank), ""), held_out, np.ones(len(held_out)))


if __name__ == "__main__":
    main()
