"""The decision curve, drawn."""

from __future__ import annotations

import pandas as pd

from pipeline.evaluate.net_benefit import useful_range
from pipeline.report.svg import LINES, REFERENCE, SERIES, drawing

_ROOM = 0.35  # below zero, as a share of the highest net benefit: there the curves lie that do harm


def draw(curve: pd.DataFrame) -> str:
    """Draw the net benefit against that of acting always, and never.

    Parameters
    ----------
    curve
        Of `pipeline.evaluate.net_benefit.decision_curve`.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    useful = useful_range(curve)
    label = "Classifier" if useful is None else f"Classifier, best from {useful[0]:.2f} to {useful[1]:.2f}"
    with drawing("net_benefit", f"Net benefit by threshold probability. {label}.", (4.5, 4.3)) as chart:
        (axes,) = chart.axes
        at = curve["threshold"]
        axes.plot(at, curve["treat_none"], label="Call none", **REFERENCE)
        axes.plot(at, curve["treat_all"], color=SERIES[1], ls=LINES[1], label="Call all")
        low, high = curve["net_benefit_low"], curve["net_benefit_high"]
        axes.fill_between(at, low, high, color=SERIES[0], alpha=0.16, lw=0)
        axes.plot(at, curve["net_benefit"], color=SERIES[0], label=label)
        top = float(curve[["net_benefit_high", "treat_all"]].max(axis=None))
        axes.set(xlim=(-0.02, 1.02), ylim=(-_ROOM * top, 1.1 * top))
        axes.set(xlabel="Threshold probability", ylabel="Net benefit")
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0))  # no line can cross it there
    return chart.svg
