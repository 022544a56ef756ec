"""What ``dvc.lock`` and the reports say, projected into MLflow: parents, adopted and backfilled runs.

A *parent* run stands for one state of the pipeline, a *child* run for one execution of one
stage. Both are found by tags that hold what DVC hashes, never by a stored id: so a lost
database, a clone or a stage restored from DVC's cache needs no special case.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.dataset import tables
from pipeline.dataset.names import METRICS, PAGES
from pipeline.track import description, inputs, provenance, repository, state
from pipeline.track.store import Store, connect

if TYPE_CHECKING:
    from mlflow.entities import Run

log = logging.getLogger(__name__)

CURVES, MACHINE = "curves/", "system/"  # prefixes of the figures that have steps; they stay on the child
_PARENT_RUN = "mlflow.parentRunId"
_REPORT = "report"  # the stage that makes the pages of all others


@dataclass(frozen=True)
class Synced:
    """What `sync` found and did.

    Attributes
    ----------
    parent_id
        The run that stands for the pipeline's state; None where no stage of it is done.
    reused, made
        Stages whose runs were there, and those whose runs were made from the reports.
    """

    parent_id: str | None
    reused: tuple[str, ...] = ()
    made: tuple[str, ...] = ()


def sync(config: Config) -> Synced:
    """Project ``dvc.lock`` and the reports into MLflow; a second time changes nothing.

    Raises
    ------
    NoPipelineError
        No ``dvc.yaml`` here, or no DVC repository.
    StoreError
        The store does not answer within ``track.timeout_s``, or refuses.
    """
    pipeline = repository.read()
    if not pipeline.current():
        return Synced(parent_id=None)
    store = connect(config.track, pipeline.root)
    parent = find_or_make_parent(store, pipeline, config)
    runs, made = adopt(store, pipeline, parent.info.run_id, config)
    describe(store, pipeline, parent.info.run_id, runs)
    if parent.info.status == "RUNNING" and not _is_running(store, parent.info.run_id):
        store.client.set_terminated(parent.info.run_id)
    return Synced(parent.info.run_id, tuple(name for name in runs if name not in made), tuple(made))


def find_or_make_parent(store: Store, pipeline: state.Pipeline, config: Config) -> Run:
    """Return the run that stands for this state of the pipeline."""
    with store.locked():
        identity = {"pipeline.role": "pipeline", "pipeline.state": pipeline.key}
        parents = store.find(identity)
        data = inputs.of_state(pipeline, config)
        tags = identity | provenance.environment(config.run.threads) | inputs.tags(data)
        name = description.name(pipeline, config)
        parent: Run = (
            parents[0] if parents else store.client.create_run(store.experiment_id, tags=tags, run_name=name)
        )
    if not parent.data.params:
        store.log(parent.info.run_id, params=pipeline.settings)
        store.client.log_inputs(parent.info.run_id, inputs.entities(data, "pipeline"))
    return parent


def adopt(
    store: Store, pipeline: state.Pipeline, parent_id: str, config: Config, excluding: Iterable[str] = ()
) -> tuple[dict[str, Run], list[str]]:
    """Find or make the run of every stage whose entry in ``dvc.lock`` holds.

    Parameters
    ----------
    excluding
        Stages that are about to change: the running one and all downstream of it.

    Returns
    -------
    tuple
        Stage to run, and the names of the stages whose runs had to be made.
    """
    mark_crashed_runs(store)
    runs, made = {}, []
    current = pipeline.current(tuple(excluding))
    pages_hold = _pages_hold(current, config)
    for stage in current:
        run = finished_run(store, stage)
        if run is None and _can_backfill(stage, config):
            run = _backfill(store, stage, parent_id, config)
            made.append(stage.name)
        if run is not None:
            runs[stage.name] = run
            if pages_hold:
                _add_pages(store, run, stage, config)
            _tag(store, run, {f"dvc.out.{path}": md5 for path, md5 in stage.outputs.items()})
    return runs, made


def finished_run(store: Store, stage: state.Stage) -> Run | None:
    """Return the last clean execution of the stage's recipe; one by hand only if DVC made none."""
    runs = store.find({"pipeline.stage_key": stage.now.key}, status="FINISHED")
    return min(reversed(runs), key=lambda run: "pipeline.by_hand" in run.data.tags, default=None)


def mark_crashed_runs(store: Store) -> None:
    """Mark runs KILLED whose process ended without a word, and their parents if these still wait."""
    for run in store.find({"pipeline.role": "stage"}, status="RUNNING"):
        if provenance.is_dead(run.data.tags):
            store.client.set_terminated(run.info.run_id, "KILLED")
            parent = store.client.get_run(run.data.tags[_PARENT_RUN])
            if parent.info.status == "RUNNING":
                store.client.set_terminated(parent.info.run_id, "KILLED")


def make_child(
    store: Store, stage: state.Stage, parent_id: str, config: Config, tags: Mapping[str, str]
) -> Run:
    """Start the run of one execution of a stage, with the stage's settings and data."""
    identity = {
        _PARENT_RUN: parent_id,
        "pipeline.role": "stage",
        "pipeline.stage": stage.name,
        "pipeline.stage_key": stage.now.key,
    }
    data = inputs.of_stage(stage, config)
    identity |= inputs.tags(data) | dict(tags)
    child: Run = store.client.create_run(store.experiment_id, tags=identity, run_name=stage.name)
    store.log(child.info.run_id, params=stage.now.settings)
    store.client.log_inputs(child.info.run_id, inputs.entities(data, stage.name))
    return child


def describe(store: Store, pipeline: state.Pipeline, parent_id: str, runs: Mapping[str, Run]) -> None:
    """Show on the parent which run stands for each stage, and the stages' headline figures."""
    parent = store.client.get_run(parent_id)
    ordered = {name: runs[name] for name in pipeline.stages if name in runs}
    sources = {name: _source(run, parent_id) for name, run in ordered.items()}
    figures = all_figures(ordered)
    tags = {"mlflow.note.content": description.note(store, pipeline, ordered, sources, figures)}
    tags |= {f"stage.{name}.run_id": run.info.run_id for name, run in ordered.items()}
    tags |= {f"stage.{name}.source": source for name, source in sources.items()}
    _tag(store, parent, tags | provenance.lock())
    figures |= description.headline(figures)
    store.log(parent_id, {k: v for k, v in figures.items() if parent.data.metrics.get(k) != v})


def all_figures(runs: Mapping[str, Run]) -> dict[str, float]:
    """Return the figures of all stages; one whose name an earlier stage holds gets its stage's prefix."""
    figures: dict[str, float] = {}
    for stage, run in runs.items():
        for name, value in run.data.metrics.items():
            if not name.startswith((CURVES, MACHINE)):
                figures[f"{stage}.{name}" if name in figures else name] = value
    return figures


def report_figures(report: Path) -> dict[str, float]:
    """Return the figures in ``metrics.json`` of a stage's report folder; none where there is none."""
    path = report / METRICS
    return finite(tables.figures(path)) if path.exists() else {}


def finite(values: Mapping[str, Any]) -> dict[str, float]:
    """Return nested figures under dotted names, without None, text, NaN and infinities."""
    numbers = {name: float(v) for name, v in state.flatten(values) if isinstance(v, Real)}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def _can_backfill(stage: state.Stage, config: Config) -> bool:
    """Whether the report on disk is the one that ``dvc.lock`` speaks of; a stage without one is untracked."""
    report = config.paths.report(stage.name)
    if not any(Path(path).is_relative_to(report) for path in stage.outputs):
        return False
    if repository.outputs_hold(stage, report):
        return True
    log.warning("%s: no run, and %s is not what dvc.lock records: `dvc checkout` first", stage.name, report)
    return False


def _pages_hold(current: Iterable[state.Stage], config: Config) -> bool:
    """Whether the pages on disk are those of this state; else the stage that makes them brings them."""
    return any(s.name == _REPORT and repository.outputs_hold(s, config.paths.reports) for s in current)


def _add_pages(store: Store, run: Run, stage: state.Stage, config: Config) -> None:
    """Upload the stage's pages that its run lacks: made later, or while the server did not answer."""
    if pages := PAGES.get(stage.name, ()):
        uploaded = {artifact.path for artifact in store.client.list_artifacts(run.info.run_id)}
        missing = (config.paths.report(stage.name) / name for name in pages if name not in uploaded)
        for page in filter(Path.exists, missing):
            store.client.upload(run.info.run_id, page)


def _backfill(store: Store, stage: state.Stage, parent_id: str, config: Config) -> Run:
    """Make the run of an execution that only ``dvc.lock`` and the report remember."""
    run_id = make_child(store, stage, parent_id, config, {"pipeline.backfilled": "true"}).info.run_id
    report = config.paths.report(stage.name)
    store.log(run_id, report_figures(report))
    upload(store, run_id, report, PAGES.get(stage.name, ()))
    store.client.set_terminated(run_id)
    run: Run = store.client.get_run(run_id)
    return run


def upload(store: Store, run_id: str, report: Path, besides: Collection[str]) -> None:
    """Upload a report folder, without what bears those names: pages that a later stage makes anew."""
    for path in sorted(report.iterdir()) if report.is_dir() else ():
        if path.name not in besides:
            store.client.upload(run_id, path)


def _is_running(store: Store, parent_id: str) -> bool:
    return bool(store.find({_PARENT_RUN: parent_id}, status="RUNNING"))


def _tag(store: Store, run: Run, tags: Mapping[str, str]) -> None:
    """Set the tags that the run does not have yet."""
    store.log(run.info.run_id, tags={k: v for k, v in tags.items() if run.data.tags.get(k) != v})


def _source(run: Run, parent_id: str) -> str:
    executed_here = run.data.tags.get(_PARENT_RUN) == parent_id
    return description.EXECUTED if executed_here else description.REUSED
