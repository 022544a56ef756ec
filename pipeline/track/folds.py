"""The one record of figures that were pooled over folds, with the runs of the folds named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.dataset.names import METRICS, PREDICTIONS
from pipeline.track import description, projection, provenance, repository, runs
from pipeline.track.store import Store, connect

_FILES = (METRICS, PREDICTIONS, "report.html")


def record(
    config: Config, key: str, report: Path, figures: Mapping[str, Any], names: Sequence[str]
) -> str | None:
    """Record pooled figures as a run of their own; once for a state, however often it is called.

    Parameters
    ----------
    key
        Of the state: see :meth:`pipeline.track.state.Pipeline.folds_key`.
    report
        The folder that holds ``metrics.json``, ``predictions.csv`` and ``report.html``.
    figures
        As in ``metrics.json``; those of each fold stay with the fold's own runs.
    names
        Of the folds, in order, as their runs bear them.

    Returns
    -------
    str or None
        The run; None where MLflow fails, which is a warning.
    """
    run_id = None
    with runs.forgiving("folds"):
        store = connect(config.track, repository.read().root)
        identity = {"pipeline.role": "folds", "pipeline.folds_key": key}
        done = store.find(identity, status="FINISHED")
        run_id = done[-1].info.run_id if done else _make(store, config, identity, report, figures, names)
    return run_id


def parents(store: Store, names: Sequence[str]) -> list[str]:
    """Return the run that stands for each fold's state of the pipeline; "" where there is none."""
    return [_parent(store, name) for name in names]


def _parent(store: Store, name: str) -> str:
    for run in reversed(store.find({"dvc.exp_name": name})):
        tags = run.data.tags
        return str(tags.get("mlflow.parentRunId") or run.info.run_id)
    return ""


def _make(
    store: Store,
    config: Config,
    identity: dict[str, str],
    report: Path,
    figures: Mapping[str, Any],
    names: Sequence[str],
) -> str:
    """Make the run; FINISHED comes last, so that it means complete."""
    folds = {f"fold.{fold}.run_id": run_id for fold, run_id in enumerate(parents(store, names)) if run_id}
    numbers = projection.finite({name: value for name, value in figures.items() if name != "by_fold"})
    tags = identity | folds | provenance.environment(config.run.threads)
    tags["mlflow.note.content"] = _note(store, folds, numbers)
    run_id = str(store.client.create_run(store.experiment_id, tags=tags, run_name="folds").info.run_id)
    store.log(run_id, numbers | description.headline(numbers))
    for name in _FILES:
        store.client.upload(run_id, report / name)
    store.client.set_terminated(run_id, "FINISHED")
    return run_id


def _note(store: Store, folds: Mapping[str, str], figures: Mapping[str, float]) -> str:
    rows = "\n".join(["| figure over all folds | value (95 %) |", "|---|---|", *description.rows(figures)])
    links = (
        f"| [{name.split('.')[1]}](#/experiments/{store.experiment_id}/runs/{run_id}) |"
        for name, run_id in folds.items()
    )
    return "\n\n".join([rows, "\n".join(["| fold |", "|---|", *links])])
