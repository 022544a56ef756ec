"""What the published split and the shortcuts are worth: the label told without looking at the bone.

The same cheap models score the split as published and the one used here; their difference is the leak.
The null baselines see no bone at all, and score by cross-validation over the groups of all kept files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.assess import baselines, intervals, metrics, probe
from pipeline.data import engine, folds, shortcuts
from pipeline.data.manifest import KEPT
from pipeline.data.pyramid import THUMBNAIL_PX
from pipeline.data.scan import Fact

_MEMORY_PX = 32  # side of the thumbnails that memorisation is measured on
_MAX_FOLDS = 5
_N_SAMPLES = 500  # resamples of the groups behind each interval

Figures = dict[str, dict[str, float]]


def memorisation(files: pd.DataFrame, facts: Sequence[Fact]) -> Figures:
    """Score the nearest neighbour in train for every radiograph of test, on both splits.

    Parameters
    ----------
    files
        The manifest's rows in the order of the facts, split.
    facts
        One a file.

    Returns
    -------
    dict
        ``published`` and ``clean``: ``accuracy`` and ``auroc``.

    Raises
    ------
    ValueError
        Train or test of one of the splits lacks a class.
    """
    return {name: _memorisation(train, test, facts) for name, (train, test) in _splits(files).items()}


def probes(files: pd.DataFrame, facts: Sequence[Fact], seed: int) -> Figures:
    """Score a linear probe of the rough look of the radiographs, on both splits.

    Parameters
    ----------
    files, facts
        As for `memorisation`.
    seed
        Of the resamples behind the intervals.

    Returns
    -------
    dict
        ``published`` and ``clean``: ``accuracy`` and ``auroc``, each with ``_low`` and ``_high``, 95 % over
        groups. Both count files, as public figures do.
    """
    return {name: _probe(train, test, facts, seed) for name, (train, test) in _splits(files).items()}


def nulls(kept: pd.DataFrame, facts: Sequence[Fact], seed: int) -> Figures:
    """Score classifiers that see no bone.

    Parameters
    ----------
    kept
        The kept rows of the manifest, indexed by their place among the facts, and ``n_bytes``.
    facts
        One a file.
    seed
        Of the forests, and of the resamples behind the intervals.

    Returns
    -------
    dict
        ``size``, ``border``, ``marker`` and ``histogram``: ``auroc``, learnt on train and scored on test, and
        ``cv_auroc`` with ``_low`` and ``_high``, by cross-validation. A group weighs as one.

    Raises
    ------
    ValueError
        A class has fewer than two groups.
    """
    n_folds = min(_MAX_FOLDS, *folds.n_groups(kept).values())
    fold = kept["group"].map(folds.deal(kept, n_folds)).to_numpy(np.int64)
    features = {
        "size": shortcuts.size_features(kept),
        "border": np.stack([facts[row].border for row in kept.index]),
        "marker": np.stack([facts[row].markers for row in kept.index]),
        "histogram": shortcuts.histogram_features(_thumbnails(kept, facts)),
    }
    tracked = engine.track(features.items(), total=len(features), label="null baselines")
    return {name: _null(values, kept, fold, seed) for name, values in tracked}


def _splits(files: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Train and test, as published (all that can be read) and as used here."""
    readable, kept = files[files["format"] != ""], files[files["status"] == KEPT]
    return {
        name: (table[table[split] == "train"], table[table[split] == "test"])
        for name, table, split in (("published", readable, "published_split"), ("clean", kept, "split"))
    }


def _memorisation(train: pd.DataFrame, test: pd.DataFrame, facts: Sequence[Fact]) -> dict[str, float]:
    known, asked = (_small(_thumbnails(files, facts)) for files in (train, test))
    return baselines.nearest_neighbour(known, _fractured(train), asked, _fractured(test))._asdict()


def _probe(train: pd.DataFrame, test: pd.DataFrame, facts: Sequence[Fact], seed: int) -> dict[str, float]:
    y_score = probe.linear_probe(_thumbnails(train, facts), _fractured(train), _thumbnails(test, facts))
    y_true = _fractured(test)

    def statistics(drawn: NDArray[np.float64]) -> dict[str, float]:
        accuracy = np.average((y_score > 0.5) == y_true, weights=drawn)
        return {"accuracy": float(accuracy), "auroc": metrics.auroc(y_true, y_score, drawn)}

    return intervals.summarize(
        statistics, test["group"].to_numpy(str), y_true, n_samples=_N_SAMPLES, seed=seed
    )


def _null(
    values: NDArray[np.float64], kept: pd.DataFrame, fold: NDArray[np.int64], seed: int
) -> dict[str, float]:
    fractured, weight = _fractured(kept), kept["sampling_weight"].to_numpy(np.float64)
    train, test = ((kept["split"] == name).to_numpy() for name in ("train", "test"))
    auroc = baselines.null_auroc(
        values[train], fractured[train], weight[train], values[test], fractured[test], weight[test], seed
    )
    y_score = baselines.cross_validated_scores(values, fractured, weight, fold, seed)

    def statistics(drawn: NDArray[np.float64]) -> dict[str, float]:
        return {"cv_auroc": metrics.auroc(fractured, y_score, weight * drawn)}

    group = kept["group"].to_numpy(str)
    interval = intervals.summarize(statistics, group, fractured, n_samples=_N_SAMPLES, seed=seed)
    return {"auroc": auroc, **interval}


def _fractured(files: pd.DataFrame) -> NDArray[np.bool_]:
    return np.asarray(files["fractured"], dtype=np.bool_)


def _thumbnails(files: pd.DataFrame, facts: Sequence[Fact]) -> NDArray[np.uint8]:
    return np.stack([facts[row].thumbnail for row in files.index])


def _small(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint8]:
    step = THUMBNAIL_PX // _MEMORY_PX
    cells = thumbnails.reshape(-1, _MEMORY_PX, step, _MEMORY_PX, step)
    small: NDArray[np.uint8] = np.rint(cells.mean(axis=(2, 4))).astype(np.uint8)
    return small
