"""What the published split and the shortcuts are worth: the label predicted without looking at the bone.

The same cheap models score the split as published and the one used here; their difference is the leak.
The shortcut baselines use no bone at all, and score each kept file by models fitted without its group.
``files`` are the manifest's rows, indexed by their place among the facts; ``kept`` the kept ones of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from pipeline.dataset.manifest import KEPT
from pipeline.files import engine
from pipeline.statistics import forests, intervals, metrics, probe
from pipeline.statistics import memorisation as memory
from pipeline.validate import shortcuts
from pipeline.validate.pyramid import THUMBNAIL_PX
from pipeline.validate.scan import Fact

_MEMORY_PX = 32  # side of the thumbnails that memorisation is measured on
_N_SAMPLES = 500  # resamples of the groups behind each interval

Figures = dict[str, dict[str, float]]


class ShortcutBaselines(NamedTuple):
    """What the shortcut baselines reach.

    Attributes
    ----------
    figures
        For each baseline ``auroc``, learnt on train and scored on test, and ``cv_auroc`` with ``_low`` and
        ``_high``, of all radiographs, out of bag by group. A group weighs as one.
    scores
        One row a radiograph of test: ``path``, and the score that each baseline gives it.
    """

    figures: Figures
    scores: pd.DataFrame


def memorisation(files: pd.DataFrame, facts: Sequence[Fact]) -> Figures:
    """Score the nearest neighbour in train for every radiograph of test, on both splits.

    Returns
    -------
    dict
        ``published`` and ``clean``: ``accuracy`` and ``auroc``.

    Raises
    ------
    ValueError
        Train or test of one of the splits lacks a class.
    """
    return {
        name: memory.memorisation(_neighbours(train, test, facts), _fractured(test))._asdict()
        for name, (train, test) in _splits(files).items()
    }


def probes(files: pd.DataFrame, facts: Sequence[Fact], seed: int) -> Figures:
    """Score a linear probe of the coarse edges of the radiographs, on both splits.

    Returns
    -------
    dict
        ``published`` and ``clean``: ``accuracy`` and ``auroc``, each with ``_low`` and ``_high``, 95 % over
        groups. Both count files, as public figures do.
    """
    return {name: _probe(train, test, facts, seed) for name, (train, test) in _splits(files).items()}


def shortcut_baselines(kept: pd.DataFrame, facts: Sequence[Fact], seed: int) -> ShortcutBaselines:
    """Score classifiers that use no bone; ``kept`` has a column ``n_bytes``, too.

    Returns
    -------
    ShortcutBaselines
        ``size``, ``border``, ``marker`` and ``histogram``; scores of the nearest neighbour besides.

    Raises
    ------
    ValueError
        A class has fewer than two groups.
    """
    features = {
        "size": shortcuts.size_features(kept),
        "border": np.stack([facts[row].border for row in kept.index]),
        "marker": np.stack([facts[row].markers for row in kept.index]),
        "histogram": shortcuts.histogram_features(_thumbnails(kept, facts)),
    }
    train, test = (kept[kept["split"] == name] for name in ("train", "test"))
    memory.require_classes(train=_fractured(train), test=_fractured(test))
    figures, scores = {}, {memory.NEAREST: _neighbours(train, test, facts)}
    for name, values in engine.track(features.items(), total=len(features), label="shortcut baselines"):
        scores[name] = _held_out(values, kept, seed)
        figures[name] = {
            "auroc": float(roc_auc_score(_fractured(test), scores[name], sample_weight=_weight(test))),
            **_out_of_bag(values, kept, seed),
        }
    return ShortcutBaselines(figures, pd.DataFrame({"path": test["path"], **scores}))


def _splits(files: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Train and test, as published (all that can be read) and as used here."""
    readable, kept = files[files["format"] != ""], files[files["status"] == KEPT]
    return {
        name: (table[table[split] == "train"], table[table[split] == "test"])
        for name, table, split in (("published", readable, "published_split"), ("clean", kept, "split"))
    }


def _neighbours(train: pd.DataFrame, test: pd.DataFrame, facts: Sequence[Fact]) -> NDArray[np.float64]:
    learnt, scored = (_small(_thumbnails(files, facts)) for files in (train, test))
    return memory.nearest_neighbour(learnt, _fractured(train), scored)


def _probe(train: pd.DataFrame, test: pd.DataFrame, facts: Sequence[Fact], seed: int) -> dict[str, float]:
    y_score = probe.linear_probe(_thumbnails(train, facts), _fractured(train), _thumbnails(test, facts))
    y_true = _fractured(test)

    def statistics(drawn: NDArray[np.float64]) -> dict[str, float]:
        accuracy = np.average((y_score > 0.5) == y_true, weights=drawn)
        return {"accuracy": float(accuracy), "auroc": metrics.auroc(y_true, y_score, drawn)}

    return intervals.summarize(statistics, _group(test), y_true, n_samples=_N_SAMPLES, seed=seed)


def _held_out(values: NDArray[np.float64], kept: pd.DataFrame, seed: int) -> NDArray[np.float64]:
    """Learn from train, and score test."""
    used = kept["split"].isin(["train", "test"]).to_numpy()
    learnt = (kept["split"] == "train").to_numpy()[used]
    return forests.held_out(values[used], _fractured(kept)[used], _group(kept)[used], learnt, seed)


def _out_of_bag(values: NDArray[np.float64], kept: pd.DataFrame, seed: int) -> dict[str, float]:
    fractured, weight, group = _fractured(kept), _weight(kept), _group(kept)
    y_score = forests.out_of_bag(values, fractured, group, seed)

    def statistics(drawn: NDArray[np.float64]) -> dict[str, float]:
        return {"cv_auroc": metrics.auroc(fractured, y_score, weight * drawn)}

    return intervals.summarize(statistics, group, fractured, n_samples=_N_SAMPLES, seed=seed)


def _group(files: pd.DataFrame) -> NDArray[np.str_]:
    return np.asarray(files["group"], dtype=np.str_)


def _weight(files: pd.DataFrame) -> NDArray[np.float64]:
    return np.asarray(files["sampling_weight"], dtype=np.float64)


def _fractured(files: pd.DataFrame) -> NDArray[np.bool_]:
    return np.asarray(files["fractured"], dtype=np.bool_)


def _thumbnails(files: pd.DataFrame, facts: Sequence[Fact]) -> NDArray[np.uint8]:
    return np.stack([facts[row].thumbnail for row in files.index])


def _small(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint8]:
    step = THUMBNAIL_PX // _MEMORY_PX
    cells = thumbnails.reshape(-1, _MEMORY_PX, step, _MEMORY_PX, step)
    return np.asarray(np.rint(cells.mean(axis=(2, 4))), np.uint8)
