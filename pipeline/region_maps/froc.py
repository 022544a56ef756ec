"""How many fractures are marked, at how many false marks a radiograph: the free-response curve.

A mark is a region, and hits a fracture when its peak lies in that fracture's box: the rule of the
pointing game. Marks are taken from the highest score down. A fracture that several marks hit counts
once; the others are neither right nor false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from pipeline.predict.boxes import Boxes
from pipeline.predict.regions import Region
from pipeline.region_maps import matching
from pipeline.statistics import intervals, metrics
from pipeline.types import AnyArray, Float64Array, Int64Array

FALSE_MARKS = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Marks:
    """The marks on N radiographs.

    Attributes
    ----------
    score
        (M,) of each mark.
    radiograph
        (M,) int, whose it is, 0..N-1.
    fracture
        (M,) int, which fracture it hits, counted over all radiographs; -1 for a false mark.
    n_fractures
        (N,) int, annotated on each radiograph; 0 for one without a fracture.
    """

    score: Float64Array
    radiograph: Int64Array
    fracture: Int64Array
    n_fractures: Int64Array


def collect(regions: Sequence[Sequence[Region]], boxes: Sequence[Boxes]) -> Marks:
    """Compare the regions of N radiographs with their boxes, each (K, 4), K = 0 for no fracture."""
    n_fractures = np.array([len(own) for own in boxes], np.int64)
    first = np.concatenate([[0], np.cumsum(n_fractures)])
    rows = [
        (region.score, position, -1 if (hit := _hit(region.peak, own)) is None else first[position] + hit)
        for position, (marks, own) in enumerate(zip(regions, boxes, strict=True))
        for region in marks
    ]
    score, radiograph, fracture = zip(*rows, strict=True) if rows else ((), (), ())
    return Marks(
        np.array(score, np.float64), np.array(radiograph, np.int64), np.array(fracture, np.int64), n_fractures
    )


def curve(marks: Marks, weight: ArrayLike | None = None) -> dict[str, Float64Array]:
    """Draw the free-response curve, from no mark to all of them.

    Parameters
    ----------
    marks : Marks
    weight : ndarray of shape (N,), optional
        How much each radiograph counts.

    Returns
    -------
    dict of str to float64 ndarray of shape (T,)
        ``threshold``, falling, the first one infinite; ``false_marks`` a radiograph, and
        ``sensitivity``, the share of fractures that are hit, at or above each threshold.

    Raises
    ------
    ValueError
        No fracture is annotated, or none that counts.

    References
    ----------
    Bunch, Hamilton, Sanderson and Simmons, A free response approach to the measurement and
    characterization of radiographic observer performance, Proceedings of SPIE 127, 1977.
    https://doi.org/10.1117/12.955926
    """
    own = np.ones(len(marks.n_fractures)) if weight is None else np.asarray(weight, np.float64)
    n_fractures = float(own @ marks.n_fractures)
    if not n_fractures > 0:
        raise ValueError("a free-response curve needs annotated fractures. Received: none")
    order = np.argsort(-marks.score, kind="stable")
    score, fracture, counts = marks.score[order], marks.fracture[order], own[marks.radiograph[order]]
    is_first = np.zeros(len(order), bool)
    is_first[np.unique(fracture, return_index=True)[1]] = True
    hits = np.cumsum(counts * (is_first & (fracture >= 0))) / n_fractures
    false = np.cumsum(counts * (fracture < 0)) / own.sum()
    last = np.append(score[1:] != score[:-1], True)[: len(score)]  # marks of one score enter together
    return {
        "threshold": np.concatenate([[np.inf], score[last]]),
        "false_marks": np.concatenate([[0.0], false[last]]),
        "sensitivity": np.concatenate([[0.0], hits[last]]),
    }


def sensitivity_at(
    marks: Marks, false_marks: Sequence[float] = FALSE_MARKS, weight: ArrayLike | None = None
) -> Float64Array:
    """Highest sensitivity at no more than so many false marks a radiograph: float64 (len(false_marks),)."""
    reached = curve(marks, weight)
    last = np.searchsorted(reached["false_marks"], np.asarray(false_marks) + 1e-9, side="right") - 1
    return np.asarray(reached["sensitivity"][last])


def free_response(marks: Marks, group: AnyArray, *, n_samples: int, seed: int) -> dict[str, float]:
    """Sensitivity at 0.5, 1 and 2 false marks a radiograph, with intervals by group.

    Parameters
    ----------
    marks : Marks
        Of N radiographs, with and without a fracture.
    group : ndarray of shape (N,)
    n_samples, seed : int
        Resamples of the groups, and where random numbers start. One without a fracture does not count.

    Returns
    -------
    dict of str to float
        ``froc_sensitivity_0.5``, ``_1`` and ``_2``, each with ``_low`` and ``_high``.
    """
    names = [f"froc_sensitivity_{allowed:g}" for allowed in FALSE_MARKS]

    def statistics(weight: Float64Array) -> dict[str, float]:
        counts = weight @ marks.n_fractures > 0
        values = sensitivity_at(marks, weight=weight).tolist() if counts else [np.nan] * len(names)
        return dict(zip(names, values, strict=True))

    return intervals.summarize(statistics, group, marks.n_fractures > 0, n_samples=n_samples, seed=seed)


def score(
    regions: Sequence[Sequence[Region]], boxes: Sequence[Boxes], group: AnyArray, *, n_samples: int, seed: int
) -> tuple[dict[str, float], pd.DataFrame]:
    """Score the regions of N radiographs as marks; nothing where no fracture is annotated.

    Parameters
    ----------
    regions, boxes
        As for :func:`collect`.
    group, n_samples, seed
        As for :func:`free_response`.

    Returns
    -------
    figures : dict
        Those of :func:`free_response`, and ``region_ece``: how far scores are from how often regions
        overlap a fracture.
    table : DataFrame
        The columns of :func:`curve`.
    """
    overlap = matching.overlaps_of_all(regions, boxes)
    return score_marks(collect(regions, boxes), overlap, group, n_samples=n_samples, seed=seed)


def score_marks(
    marks: Marks, overlap: Float64Array, group: AnyArray, *, n_samples: int, seed: int
) -> tuple[dict[str, float], pd.DataFrame]:
    """Score marks, each with its overlap (M,) with a fracture; else as :func:`score`."""
    if not marks.n_fractures.any():
        return {}, pd.DataFrame(columns=["threshold", "false_marks", "sensitivity"])
    figures = free_response(marks, group, n_samples=n_samples, seed=seed)
    is_hit = overlap >= matching.OVERLAPS
    figures["region_ece"] = metrics.ece(is_hit, marks.score) if len(is_hit) else float("nan")
    return figures, pd.DataFrame(curve(marks))


def tabulate(
    regions: Sequence[Sequence[Region]], boxes: Sequence[Boxes], paths: Sequence[str]
) -> pd.DataFrame:
    """List the marks on N radiographs for a file, so that several sets can be scored as one.

    Returns
    -------
    DataFrame
        A row a mark: ``path``; ``score``; ``fracture``, which of its radiograph's it hits, -1 for a false
        mark; ``overlap`` with a fracture: see :func:`pipeline.region_maps.matching.overlaps`.
    """
    marks = collect(regions, boxes)
    first = np.cumsum(marks.n_fractures) - marks.n_fractures
    own = np.where(marks.fracture < 0, -1, marks.fracture - first[marks.radiograph])
    names = np.array(paths, dtype=object)[marks.radiograph]
    overlap = matching.overlaps_of_all(regions, boxes)
    return pd.DataFrame({"path": names, "score": marks.score, "fracture": own, "overlap": overlap})


def from_table(table: pd.DataFrame, radiographs: pd.DataFrame) -> Marks:
    """Read marks back from :func:`tabulate`.

    Parameters
    ----------
    table
        Of all radiographs.
    radiographs
        A row for each of N: ``path``, and ``fractures``, how many are drawn on it.
    """
    n_fractures = radiographs["fractures"].to_numpy(np.int64)
    position = pd.Index(radiographs["path"]).get_indexer(table["path"])
    if (position < 0).any():
        stranger = table["path"][position < 0].iloc[0]
        raise ValueError(f"marks must lie on the listed radiographs. Received: one on {stranger}")
    first = np.cumsum(n_fractures) - n_fractures
    own = table["fracture"].to_numpy(np.int64)
    hit = np.where(own < 0, -1, own + first[position])
    return Marks(table["score"].to_numpy(np.float64), position.astype(np.int64), hit, n_fractures)


def _hit(peak: tuple[int, int], boxes: Boxes) -> int | None:
    """Index of the smallest box that holds the peak's centre; None where none does."""
    if not len(boxes):
        return None
    array = np.asarray(boxes, np.float64)
    centre = np.array(peak) + 0.5
    holds = ((array[:, :2] <= centre) & (centre <= array[:, :2] + array[:, 2:])).all(axis=1)
    area: AnyArray = np.where(holds, array[:, 2] * array[:, 3], np.inf)
    return int(area.argmin()) if holds.any() else None
