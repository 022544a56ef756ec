"""The pages of `evaluate`: its report with every chart, the model card, and the page of `assess`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.dataset import layout, manifest
from pipeline.report import card, charts, pages, region_maps, results, robustness
from pipeline.report.card import findings

_CURVES = ("roc", "precision_recall", "reliability", "decision_curve")


def documents(config: Config) -> dict[str, str]:
    """Make the pages and the charts from what `evaluate` and the stages before it wrote: name to text."""
    folder = config.paths.report("evaluate")
    figures = results.figures(folder)
    subgroups, perturbed = (results.table(folder / f"{name}.csv") for name in ("subgroups", "robustness"))
    drawn = draw(folder, figures["test"]) | {"robustness": robustness.draw(perturbed)}
    context = {
        "figures": figures,
        "charts": drawn,
        "exams": [*findings.exams(figures)],
        "subgroups": subgroups.to_dict("records"),
        "robustness": [
            row | {"label": robustness.label(row["disturbance"], row["level"])}
            for row in perturbed.to_dict("records")
        ],
    }
    curve = results.table(folder / "plots/decision_curve.csv")
    described = card.context(origin(config), figures, subgroups, perturbed, curve)
    return {
        **{f"figures/{name}.svg": svg for name, svg in charts.flat(drawn).items()},
        "report.html": pages.render("evaluate.html", context),
        "model_card.html": pages.render("model_card.html", described),
        "model_card.md": pages.render("model_card.md", described),
    }


def draw(folder: Path, scores: dict[str, Any]) -> dict[str, Any]:
    """Draw the charts of a classifier from the curves in a report folder."""
    curves = {name: results.table(folder / f"plots/{name}.csv") for name in _CURVES}
    return charts.classifier_charts(scores, curves)


def assessment(folder: Path, name: str) -> str:
    """Make the page of `fracture assess` from the figures, tables and pictures in a folder.

    Parameters
    ----------
    folder
        What `fracture assess` wrote.
    name
        Of the folder that was assessed.
    """
    maps, figures = region_maps.context(folder), results.figures(folder)
    drawn = draw(folder, figures["test"]) | maps["charts"]
    own = {
        "name": name,
        "scores": figures["test"],
        "notes": figures["notes"],
        "figures": figures,
        "thresholds_hold": figures["thresholds_hold"],
        "charts": drawn,
    }
    context = maps | own | {"null": {"name": None, "auroc": None}}
    return pages.render("assess.html", context)


def origin(config: Config) -> card.Origin:
    """Tell how the model came about, for its card."""
    return card.Origin(
        manifest.rows(manifest.read(config.paths.manifest), layout.SPLITS),
        results.figures(config.paths.report("validate")),
        results.figures(config.paths.report("train")),
        results.figures(config.paths.report("region_maps")),
        config.preprocess.model_dump(exclude={"shard_records"}),
        config.train.model_dump(),
        config.evaluate.model_dump(),
        phantoms=config.data.root == config.paths.phantoms,
    )
