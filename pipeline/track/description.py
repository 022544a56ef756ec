"""What MLflow shows first of a run that stands for a state: its name, eight figures, and a description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pipeline.config import Config
from pipeline.evaluate.guaranteed import rounded_down
from pipeline.track import state
from pipeline.track.view import HEADLINE

if TYPE_CHECKING:
    from mlflow.entities import Run

    from pipeline.track.store import Store

EXECUTED, REUSED = "executed", "reused"
_MAJORITY = "test.majority_accuracy"

_PICTURES = {
    "evaluate": ("figures/roc.svg", "figures/reliability.svg"),
    "region_maps": ("overlays/hits-01.jpg", "overlays/misses-01.jpg", "overlays/false_alarms-01.jpg"),
}


def name(pipeline: state.Pipeline, config: Config) -> str:
    """Name a state by backbone, canvas and the beginning of its key; the same wherever it is reached."""
    height_px, width_px = config.preprocess.height_px, config.preprocess.width_px
    side = f"{height_px}" if height_px == width_px else f"{height_px}x{width_px}"
    return f"{config.train.backbone}-{side}px-{pipeline.key[:8]}"


def headline(figures: Mapping[str, float]) -> dict[str, float]:
    """Return those of the eight figures that there are, under the names by which they come first."""
    return {title: figures[key] for title, key in HEADLINE.items() if key in figures}


def summary(figures: Mapping[str, float]) -> str:
    """Write those of the eight figures that there are in one line."""
    shown = ((title, key) for title, key in HEADLINE.items() if key in figures)
    return ", ".join(f"{title[2:]} {_three(key, figures[key])}" for title, key in shown)


def note(
    store: Store,
    pipeline: state.Pipeline,
    runs: Mapping[str, Run],
    sources: Mapping[str, str],
    figures: Mapping[str, float],
) -> str:
    """Describe a state in Markdown: figures with intervals, pictures, and where each stage's run is.

    Parameters
    ----------
    runs, sources
        By stage, in the order of the pipeline: its run, and whether that was executed or reused.
    figures
        Of all stages, under dotted names.
    """
    parts = [f"Pipeline state `{pipeline.key[:12]}`"]
    if listed := list(rows(figures)):
        parts.append("\n".join(["| figure on test | value (95 %) |", "|---|---|", *listed]))
    if pictures := list(_pictures(store, runs)):
        parts.append("\n".join(pictures))
    stages = [
        f"| [{stage}](#/experiments/{store.experiment_id}/runs/{run.info.run_id}) | {sources[stage]} |"
        for stage, run in runs.items()
    ]
    parts.append("\n".join(["| stage | source |", "|---|---|", *stages]))
    return "\n\n".join(parts)


def rows(figures: Mapping[str, float]) -> Iterator[str]:
    """Yield a row of Markdown for each of the eight figures that there are."""
    for title, key in HEADLINE.items():
        if key in figures:
            low, high = figures.get(f"{key}_low"), figures.get(f"{key}_high")
            interval = "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
            beside = (
                f"; always the more frequent class: {figures[_MAJORITY]:.3f}" if _shows(key, figures) else ""
            )
            yield f"| {title[2:]} | {_three(key, figures[key])}{interval}{beside} |"


def _three(key: str, value: float) -> str:
    """Write a figure with three decimals; what is guaranteed is rounded down."""
    return rounded_down(value, 3) if "guaranteed_" in key else f"{value:.3f}"


def _shows(key: str, figures: Mapping[str, float]) -> bool:
    """Whether the accuracy of always saying the more frequent class belongs beside this figure."""
    return key == "test.accuracy" and _MAJORITY in figures


def _pictures(store: Store, runs: Mapping[str, Run]) -> Iterator[str]:
    """Link the pictures that the runs have, by the address at which MLflow's own pages find artifacts."""
    for stage, paths in _PICTURES.items():
        if stage not in runs:
            continue
        run_id = runs[stage].info.run_id
        artifacts = store.client.list_artifacts(run_id, paths[0].partition("/")[0])
        for path in paths:
            if path in {artifact.path for artifact in artifacts}:
                yield f"![{path}](get-artifact?path={path}&run_uuid={run_id})"
