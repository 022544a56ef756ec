"""All that is found out about a classifier on held-out radiographs: tables in, figures and tables out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.dataset import body_part
from pipeline.evaluate import evaluation, net_benefit, robustness, shortcut_gap, subgroups
from pipeline.predict.operating_points import OperatingPoints

SAID_PART = "said_body_part"  # column of the judged: the part that the network names


@dataclass(frozen=True)
class Findings:
    """What was found.

    Attributes
    ----------
    judged
        One row a radiograph of val and test: ``path``, ``group``, ``split``, ``fractured``, ``height_px``,
        ``width_px``, ``y_score`` (calibrated), ``decision``, ``said_body_part``, and others.
    points
        The thresholds.
    figures
        For ``metrics.json``: ``val``, ``test``, ``test_without_hardware`` where it is known, ``best_null``,
        ``calibration``, and the lowest AUROC under each disturbance in ``robustness``.
    subgroups, robustness, decision_curve
        Of test, as the modules of these names give them.
    n_bins
        Bins of the expected calibration error.
    """

    judged: pd.DataFrame
    points: OperatingPoints
    figures: Mapping[str, Any]
    subgroups: pd.DataFrame
    robustness: pd.DataFrame
    decision_curve: pd.DataFrame
    n_bins: int


def find(
    judged: pd.DataFrame,
    known: pd.DataFrame,
    worse: pd.DataFrame,
    points: OperatingPoints,
    calibration: Mapping[str, Any],
    validated: Mapping[str, Any],
    nulls: pd.DataFrame,
    *,
    n_samples: int,
    n_bins: int,
    seed: int,
) -> Findings:
    """Score both splits, and ``test`` by subgroup and by net benefit.

    Parameters
    ----------
    judged
        As in :class:`Findings`.
    known
        What labels say of the same radiographs, as text.
    worse
        What :func:`pipeline.evaluate.robustness.tabulate` gave.
    points, calibration
        Chosen on val; the calibration is reported as it is.
    validated
        ``metrics.json`` of `validate`: what looks at no bone reaches.
    nulls
        ``null_scores.csv`` of `validate`: what it says of each radiograph of test.
    n_samples, seed
        Resamples of the groups behind every interval, and where their random numbers start.
    n_bins
        Bins of the expected calibration error.
    """
    parts = evaluation.parts(judged, known)
    figures: dict[str, Any] = {
        name: evaluation.evaluate(*part, points, n_samples=n_samples, n_bins=n_bins, seed=seed)
        for name, part in parts.items()
    }
    test, is_test = parts["test"], judged["split"] == "test"
    figures |= shortcut_gap.beside_null(figures["test"], validated, judged[is_test], nulls)
    if body_part.COLUMN in known:
        told = known.loc[is_test, body_part.COLUMN]
        figures["test"]["body_part"] = body_part.score(told, judged.loc[is_test, SAID_PART].tolist())
    figures |= {"calibration": dict(calibration), "robustness": robustness.worst(worse)}
    attributes = known.assign(longer_side_px=judged[["height_px", "width_px"]].max(axis=1))[is_test]
    return Findings(
        judged,
        points,
        figures,
        subgroups.subgroups(attributes, *test, points, n_samples=n_samples, seed=seed),
        worse,
        net_benefit.decision_curve(*test, n_samples=n_samples, seed=seed),
        n_bins,
    )
