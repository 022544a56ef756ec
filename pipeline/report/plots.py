"""Charts of a classifier's figures and of its region maps: arrays in, one ``<svg>`` element out.

The curves are those of `pipeline.statistics.score_curves`: mappings of named arrays. Equal arrays give equal
markup, which stands in a page (the macro ``chart``) or alone in a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from pipeline.evaluate.net_benefit import useful_range
from pipeline.report.sentences import thresholds
from pipeline.report.svg import LINES, MARKERS, PAPER, REFERENCE, SERIES, drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Curve = Mapping[str, ArrayLike]
Figures = Mapping[str, float]

_SQUARE_IN = (4.5, 4.3)
_ROOM = 0.35  # below zero, as a share of the highest net benefit: there the curves lie that do harm
_SPLITS = {"train": 0, "val": 1, "test": 2}  # a split has its own colour and line


@dataclass(frozen=True)
class Bar:
    """A figure with the limits of its interval; limits of NaN are not drawn, a baseline is hollow."""

    name: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    baseline: bool = False


def roc(curve: Curve, *, points: Mapping[str, Figures] | None = None, label: str = "Classifier") -> str:
    """Draw a receiver operating characteristic above the diagonal of chance.

    Parameters
    ----------
    curve
        ``false_positive_rate`` and ``sensitivity`` of shape (n,), 0..1.
    points
        Operating points by name, each with its ``sensitivity`` and ``specificity``.
    label
        Name of the curve in the key, such as ``"AUROC 0.91 (0.87 to 0.95)"``.
    """
    with drawing("roc", f"Receiver operating characteristic. {label}.", _SQUARE_IN) as chart:
        (axes,) = chart.axes
        axes.plot([0, 1], [0, 1], label="Chance", **REFERENCE)
        axes.plot(curve["false_positive_rate"], curve["sensitivity"], color=SERIES[0], label=label)
        for index, (name, at) in enumerate((points or {}).items(), start=1):
            _mark(axes, index, name, 1 - at["specificity"], at["sensitivity"])
        _unit_square(axes, "1 \N{MINUS SIGN} specificity", "Sensitivity")
        _key_above(axes, columns=2)
    return chart.svg


def precision_recall(curve: Curve, prevalence: float, *, points: Mapping[str, Figures] | None = None) -> str:
    """Draw precision against recall above the prevalence, which is what chance reaches.

    Parameters
    ----------
    curve
        ``recall``, rising, and ``precision`` of shape (n,), 0..1. Drawn in steps: between two
        thresholds precision must not be interpolated linearly.
    prevalence
        Share of fractured radiographs, 0..1.
    points
        Operating points by name, each with its ``sensitivity`` and ``ppv``.

    References
    ----------
    Davis and Goadrich, The relationship between precision-recall and ROC curves, ICML 2006.
    https://doi.org/10.1145/1143844.1143874
    """
    with drawing("precision_recall", "Precision against recall. Classifier.", _SQUARE_IN) as chart:
        (axes,) = chart.axes
        axes.axhline(prevalence, label=f"Prevalence {prevalence:.2f}", **REFERENCE)
        axes.step(curve["recall"], curve["precision"], where="pre", color=SERIES[0], label="Classifier")
        for index, (name, at) in enumerate((points or {}).items(), start=1):
            _mark(axes, index, name, at["sensitivity"], at["ppv"])
        _unit_square(axes, "Recall (sensitivity)", "Precision (PPV)")
        _key_above(axes, columns=2)
    return chart.svg


def reliability(curve: Curve, *, label: str = "Classifier") -> str:
    """Draw a reliability diagram over the histogram of its bins.

    Parameters
    ----------
    curve
        For each bin that holds any radiograph: ``bin_low``, ``bin_high``, ``mean_score``,
        ``fractured_share``, all 0..1, and ``count``.
    label
        Name of the curve in the key, such as ``"ECE 0.031"``.
    """
    with drawing("reliability", f"Reliability diagram. {label}.", _SQUARE_IN, rows=(4, 1)) as chart:
        upper, lower = chart.axes
        upper.plot([0, 1], [0, 1], label="Perfect", **REFERENCE)
        upper.plot(
            curve["mean_score"], curve["fractured_share"], color=SERIES[0], marker="o", ms=5, label=label
        )
        _unit_square(upper, "", "Share fractured")
        upper.tick_params(labelbottom=False)
        upper.legend(loc="upper left")
        edges = np.asarray(curve["bin_low"], float)
        widths = np.asarray(curve["bin_high"], float) - edges
        lower.bar(edges, curve["count"], widths, align="edge", color=SERIES[0], alpha=0.55, ec=PAPER)
        lower.set(xlim=(-0.02, 1.02), xlabel="Predicted probability of a fracture", ylabel="Count")
        lower.grid(visible=False, axis="x")
    return chart.svg


def confusion(counts: Figures, name: str) -> str:
    """Draw the confusion matrix at one operating point.

    Parameters
    ----------
    counts
        ``true_negative``, ``false_positive``, ``false_negative``, ``true_positive``. The tint of a
        cell is its share of the row: on the diagonal, specificity and sensitivity.
    name
        The operating point.
    """
    with drawing("confusion", f"Confusion matrix: {name}.", (3.7, 3.3)) as chart:
        (axes,) = chart.axes
        cells = (("true_negative", "false_positive"), ("false_negative", "true_positive"))
        for row, names in enumerate(cells):
            whole = sum(counts[cell] for cell in names)
            for column, cell in enumerate(names):
                share = counts[cell] / whole if whole else 0.0
                _draw_cell(axes, row, column, counts[cell], share)
        axes.set(xlim=(-0.5, 1.5), ylim=(1.5, -0.5), aspect="equal", title=name, xlabel="Decision")
        axes.set_xticks([0, 1], ["no fracture", "fracture"])
        axes.set_yticks([0, 1], ["not\nfractured", "fractured"])
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    return chart.svg


def decision_curve(curve: pd.DataFrame) -> str:
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
    label = "Classifier" if useful is None else f"Classifier, best {thresholds(useful)}"
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
        _key_above(axes)
    return chart.svg


def epochs(series: Curve, quantity: str, selected_epoch: int | None = None) -> str:
    """Draw a quantity by epoch, and the epoch whose weights were kept.

    Parameters
    ----------
    series
        Values by split (``train``, ``val``, ``test``) of shape (n_epochs,), from epoch 1 on.
    quantity
        Name of the axis, such as ``"Loss"``.
    selected_epoch
        From 1 on.
    """
    with drawing(f"epochs_{quantity}", f"{quantity} by epoch.", (4.5, 3.3)) as chart:
        (axes,) = chart.axes
        for split, values in series.items():
            values, style = np.asarray(values, float), _SPLITS[split]
            axes.plot(
                np.arange(1, len(values) + 1), values, color=SERIES[style], ls=LINES[style], label=split
            )
            if selected_epoch is not None:
                value = values[selected_epoch - 1]
                axes.plot([selected_epoch], [value], color=SERIES[style], marker="o", ms=7, mec=PAPER)
        if selected_epoch is not None:
            axes.axvline(selected_epoch, label=f"kept: epoch {selected_epoch}", **REFERENCE)
        axes.set(xlabel="Epoch", ylabel=quantity)
        axes.locator_params(axis="x", integer=True, min_n_ticks=1)
        _key_above(axes, columns=3)
    return chart.svg


def comparison(bars: Sequence[Bar], label: str, limits: tuple[float, float] = (0, 1)) -> str:
    """Draw figures with their intervals under one another, baselines among them.

    Parameters
    ----------
    bars
        From top to bottom.
    label
        Name of the axis, such as ``"Pointing game"``.
    limits
        Ends of the axis.
    """
    with drawing("comparison", f"{label}, by method.", (4.5, 0.4 * len(bars) + 0.7)) as chart:
        (axes,) = chart.axes
        for row, bar in enumerate(bars):
            colour = SERIES[1] if bar.baseline else SERIES[0]
            face = PAPER if bar.baseline else colour
            axes.plot([bar.low, bar.high], [row, row], color=colour, lw=5, alpha=0.35)
            axes.plot([bar.value], [row], color=colour, marker="o", ms=7, mfc=face, mec=colour, mew=1.6)
        low, high = limits
        room = 0.03 * (high - low)  # for markers at the ends
        axes.set(xlim=(low - room, high + room), ylim=(len(bars) - 0.5, -0.5), xlabel=label)
        axes.locator_params(axis="x", nbins=6 if limits == (0, 1) else 3)  # small figures have long labels
        axes.set_yticks(range(len(bars)), [bar.name for bar in bars])
        figures = axes.secondary_yaxis("right")
        figures.set_yticks(range(len(bars)), [f"{bar.value:.3f}" for bar in bars])
        for side in (axes, figures):
            side.tick_params(axis="y", length=0)
            side.spines[["left", "right"]].set_visible(False)
        axes.grid(visible=False, axis="y")
    return chart.svg


def _unit_square(axes: Axes, xlabel: str, ylabel: str) -> None:
    ticks = np.linspace(0, 1, 6)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=ticks, yticks=ticks, xlabel=xlabel, ylabel=ylabel)


def _mark(axes: Axes, style: int, name: str, across: float, up: float) -> None:
    """Mark an operating point on a curve."""
    colour, marker = SERIES[style], MARKERS[style]
    axes.plot([across], [up], color=colour, marker=marker, ms=8, mec=PAPER, ls="none", label=name, zorder=3)


def _key_above(axes: Axes, columns: int = 1) -> None:
    """Put the key where no line can cross it."""
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=columns, columnspacing=1.0)


def _draw_cell(axes: Axes, row: int, column: int, files: float, share: float) -> None:
    """Draw a cell of a confusion matrix: blue where the decision is right, orange where it is wrong."""
    left, top = column - 0.48, row - 0.48
    colour = SERIES[0] if row == column else SERIES[1]
    axes.fill_between([left, left + 0.96], top, top + 0.96, color=colour, alpha=0.06 + 0.5 * share, lw=0)
    axes.text(column, row - 0.08, f"{files:,.0f}", ha="center", va="center", size=15, weight="bold")
    axes.text(column, row + 0.24, f"{100 * share:.1f} %", ha="center", va="center", size=9)
