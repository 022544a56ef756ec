"""The run of a stage while it runs: what the stage itself calls.

The stage's report folder is the record; MLflow is told second. Whatever goes wrong with
MLflow is a warning, costs at most ``track.timeout_s``, and is repaired by `sync`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.track import machine, projection, provenance, repository, state
from pipeline.track.projection import Synced, sync
from pipeline.track.store import Client, Store, connect

if TYPE_CHECKING:
    from mlflow.entities import Run

__all__ = ["StageRecord", "Synced", "stage_run", "sync"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _OpenRun:
    """A child run under its parent, both open in MLflow."""

    store: Store
    pipeline: state.Pipeline
    parent_id: str
    run_id: str
    others: Mapping[str, Run]  # stage to run: those of this state that are done


@dataclass
class StageRecord:
    """What a stage says of its run; nothing here raises or waits longer than the bound."""

    stage: str
    _run: _OpenRun | None = None
    _figures: dict[str, float] = field(default_factory=dict)
    _tags: dict[str, str] = field(default_factory=dict)
    _bundle: Path | None = None
    _profile: Path | None = None

    def metrics(self, values: Mapping[str, Any]) -> None:
        """Record figures for the end of the run; of two under one name the later stands.

        Parameters
        ----------
        values
            Nested mappings become dotted names; None, text, NaN and infinities are left out.
            ``metrics.json`` of the stage's report folder is logged without being named here,
            and goes first, so that a run filled in from it later holds the same figures.
        """
        self._figures |= projection.finite(values)

    def curve(self, values: Mapping[str, float], step: int) -> None:
        """Log figures that change with the step (an epoch) at once, under ``curves/``."""
        points = _steps(projection.CURVES, values)
        self._tell(lambda run: run.store.log(run.run_id, points, step=step))

    def tag(self, key: str, value: str) -> None:
        """Tag the run at its end."""
        self._tags[key] = str(value)

    def bundle(self, path: Path) -> None:
        """Register the model bundle, named by its ``bundle.json``, at the end of the run."""
        self._bundle = path

    def profile(self, path: Path) -> None:
        """Compare the profile of the data with the champion's at the end of the run; see `track.champion`."""
        self._profile = path

    def pages(self, stage: str, files: Iterable[Path]) -> None:
        """Upload pages into the run that stands for their stage."""

    def _tell(self, action: Callable[[_OpenRun], None]) -> None:
        run, self._run = self._run, None  # the first failure ends it: a dead server is not waited for again
        if run is not None:
            with _forgiving(self.stage):
                action(run)
                self._run = run


@contextmanager
def stage_run(stage: str, config: Config) -> Iterator[StageRecord]:
    """Track one execution of a stage in MLflow, under the run of the pipeline's state.

    At a clean end the run gets the figures, the stage's report folder and FINISHED;
    after an exception FAILED, and the exception goes on. A run by hand, outside DVC,
    is marked ``pipeline.by_hand`` and leaves the parent's figures alone, since
    ``dvc.lock`` does not vouch for it. Where there is no ``dvc.yaml``, nothing is tracked.

    Parameters
    ----------
    stage
        Its name in ``dvc.yaml``.
    config
        The settings; of them, ``track`` and ``paths.report(stage)``.

    Yields
    ------
    StageRecord
        Takes figures, curves and tags.
    """
    log.info("%s: start", stage)
    record = StageRecord(stage)
    with _forgiving(stage):
        record._run = _open(stage, config)
    try:
        with nullcontext() if record._run is None else _watched(record._run, config.track.timeout_s):
            yield record
    except BaseException as error:
        status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        message = f"{type(error).__name__}: {error}"
        record._tell(lambda run: _fail(run, status, message))
        log.info("%s: %s", stage, status.lower())
        raise
    record._tell(lambda run: _finish(run, record, config.paths.report(stage)))
    if bundle := record._bundle:
        record._tell(lambda run: _register(config, run, bundle))
    if described := record._profile:
        record._tell(lambda run: _compare(config, run, described))
    log.info("%s: done", stage)


@contextmanager
def _forgiving(stage: str) -> Iterator[None]:
    """Turn what goes wrong into a warning: tracking never costs a stage its work."""
    try:
        yield
    except state.NoPipelineError as error:
        log.info("%s is not tracked: %s", stage, error)
    except Exception as error:
        log.warning(
            "%s: MLflow fails, the report folder is the record; `fracture sync` repairs. %s", stage, error
        )
        log.debug("why MLflow failed", exc_info=True)


def _watched(run: _OpenRun, timeout_s: float) -> AbstractContextManager[None]:
    """Log how busy the machine is, by a client of its own: its waiting costs the stage no patience."""

    def tell(figures: Mapping[str, float], step: int) -> None:
        store = replace(run.store, client=Client(run.store.uri, timeout_s))
        store.log(run.run_id, _steps(projection.MACHINE, figures), step=step)

    return machine.watched(tell)


def _steps(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}{name}": value for name, value in projection.finite(values).items()}


def _open(name: str, config: Config) -> _OpenRun:
    """Find or make the parent, adopt what is done already, start the child."""
    pipeline = repository.read()
    stage = pipeline[name]
    store = connect(config.track, pipeline.root)
    parent_id = projection.find_or_make_parent(store, pipeline, config).info.run_id
    changing = {name, *pipeline.downstream(name)}
    others, _ = projection.adopt(store, pipeline, parent_id, config, excluding=changing)
    tags = _identity(store, stage) | provenance.environment(config.run.threads) | provenance.process()
    child = projection.make_child(store, stage, parent_id, config, tags)
    if "pipeline.by_hand" not in tags:
        store.client.update_run(parent_id, status="RUNNING")
    return _OpenRun(store, pipeline, parent_id, child.info.run_id, others)


def _identity(store: Store, stage: state.Stage) -> dict[str, str]:
    """Which attempt at its recipe this is, and whether DVC knows of it."""
    earlier = store.find({"pipeline.stage_key": stage.now.key})
    attempt = 1 + sum("pipeline.backfilled" not in run.data.tags for run in earlier)
    tags = {"pipeline.attempt": str(attempt)}
    if os.environ.get("DVC_STAGE", "").rpartition(":")[2] != stage.name:
        tags["pipeline.by_hand"] = "true"
    return tags


def _finish(run: _OpenRun, record: StageRecord, report: Path) -> None:
    """Log what the stage made; FINISHED comes last, so that it means complete."""
    client = run.store.client
    run.store.log(run.run_id, record._figures | projection.report_figures(report), tags=record._tags)
    if report.is_dir():
        client.raw.log_artifacts(run.run_id, str(report))  # unbounded: a large upload is no silence
    client.set_terminated(run.run_id, "FINISHED")
    child = client.get_run(run.run_id)
    if "pipeline.by_hand" in child.data.tags:
        return
    projection.describe(run.store, run.pipeline, run.parent_id, {**run.others, record.stage: child})
    client.set_terminated(run.parent_id, "FINISHED")


def _fail(run: _OpenRun, status: str, message: str) -> None:
    client = run.store.client
    client.set_tag(run.run_id, "pipeline.error", message)
    client.set_terminated(run.run_id, status)
    if "pipeline.by_hand" not in client.get_run(run.run_id).data.tags:
        client.set_terminated(run.parent_id, status)


def _register(config: Config, run: _OpenRun, bundle: Path) -> None:
    from pipeline.track import registry  # decoders come with it: most stages' start needs them not

    version = registry.register(config, bundle, run.pipeline)
    log.info("%s: version %s of %s", bundle, version, config.track.model_name)


def _compare(config: Config, run: _OpenRun, described: Path) -> None:
    from pipeline.track import champion  # tables come with it

    champion.log_drift(config, run.store, run.run_id, described)
