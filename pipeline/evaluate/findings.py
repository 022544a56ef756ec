"""All that is found out about a classifier on held-out radiographs: tables in, figures and tables out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.dataset import body_part
from pipeline.evaluate import curves, evaluation, robustness, shortcut_gap, subgroups
from pipeline.predict.operating_points import OperatingPoints

SAID_PART = "said_body_part"  # column of the judged: the part that the network names
_PREDICTIONS = ["path", "group", "split", "fractured", "y_score", "decision"]


@dataclass(frozen=True)
class Findings:
    """What was found.

    Attributes
    ----------
    judged
        One row a radiograph of val and test: ``path``, ``group``, ``split``, ``fractured``, ``height_px``,
        ``width_px``, ``y_score`` (calibrated), ``decision``, ``said_body_part``, and others.
    figures
        For ``metrics.json``: ``val``, ``test``, ``test_without_hardware`` where it is known, ``best_null``,
        ``calibration``, and the lowest AUROC under each disturbance in ``robustness``.
    subgroups, robustness, curves
        Of test, as the modules of these names give them.
    """

    judged: pd.DataFrame
    figures: Mapping[str, Any]
    subgroups: pd.DataFrame
    robustness: pd.DataFrame
    curves: Mapping[str, pd.DataFrame]

    def texts(self) -> dict[str, str]:
        """Write every table of the report folder: name to text."""
        tables = {"subgroups": self.subgroups, "robustness": self.robustness}
        tables |= {f"plots/{name}": table for name, table in self.curves.items()}
        return {
            "predictions.csv": self.judged[_PREDICTIONS].to_csv(index=False, lineterminator="\n"),
            **{f"{name}.csv": curves.csv(table) for name, table in tables.items()},
        }


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
    """Score both splits, and ``test`` by subgroup and in curves.

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
        Bins of the expected calibration error, and of the reliability diagram.
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
        figures,
        subgroups.subgroups(attributes, *test, points, n_samples=n_samples, seed=seed),
        worse,
        curves.tabulate(*test, points, n_bins=n_bins, n_samples=n_samples, seed=seed),
    )
