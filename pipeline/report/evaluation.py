"""All that the report of `evaluate` holds, as texts: tables, curves, pictures, the page, the model card."""

from __future__ import annotations

import pandas as pd

from pipeline.dataset import names
from pipeline.evaluate import evaluation
from pipeline.evaluate.findings import Findings
from pipeline.report import card, charts, pages, robustness

_PREDICTIONS = ["path", "group", "split", "fractured", "y_score", "decision"]


def documents(found: Findings, made: card.Origin) -> dict[str, str]:
    """Write every file of the report but ``metrics.json``: name to text."""
    y_true, y_score, _ = evaluation.columns(found.judged[found.judged["split"] == "test"])
    drawn = charts.classifier_charts(
        y_true, y_score, found.figures["test"], found.decision_curve, found.n_bins
    ) | {"robustness": robustness.draw(found.robustness)}
    curves = charts.curve_tables(y_true, y_score, found.points, found.n_bins)
    plotted = curves | {"decision_curve": found.decision_curve}
    tables = {"subgroups": found.subgroups, "robustness": found.robustness}
    tables |= {f"plots/{name}": table for name, table in plotted.items()}
    context = {
        "figures": found.figures,
        "charts": drawn,
        "subgroups": found.subgroups.to_dict("records"),
        "robustness": [
            row | {"label": robustness.label(row["disturbance"], row["level"])}
            for row in found.robustness.to_dict("records")
        ],
    }
    described = card.context(made, found.figures, found.subgroups, found.robustness, found.decision_curve)
    return {
        names.PREDICTIONS: found.judged[_PREDICTIONS].to_csv(index=False, lineterminator="\n"),
        **{f"{name}.csv": _csv(table) for name, table in tables.items()},
        **{f"figures/{name}.svg": svg for name, svg in charts.flat(drawn).items()},
        "report.html": pages.render("evaluate.html", context),
        "model_card.html": pages.render("model_card.html", described),
        "model_card.md": pages.render("model_card.md", described),
    }


def _csv(table: pd.DataFrame) -> str:
    return str(table.round(6).to_csv(index=False, lineterminator="\n"))
