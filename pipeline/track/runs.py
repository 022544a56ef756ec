"""The run of a stage while it runs: what the stage itself calls.

The stage's report folder is the record; MLflow comes second. Whatever goes wrong with
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
from pipeline.dataset.names import PAGES
from pipeline.track import machine, projection, provenance, repository, state
from pipeline.track.projection import Synced, sync
from pipeline.track.secrets import without_password
from pipeline.track.store import Client, Store, connect

if TYPE_CHECKING:
    from mlflow.entities import Run

__all__ = ["OpenRun", "StageRecord", "Synced", "stage_run", "sync"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenRun:
    """A child run under its parent, both open in MLflow."""

    store: Store
    pipeline: state.Pipeline
    parent_id: str
    run_id: str
    others: Mapping[str, Run]  # stage to run: those of this state that are done
    by_hand: bool = False  # outside DVC


Action = Callable[[OpenRun], object]


@dataclass
class StageRecord:
    """A stage's record of its run; nothing here raises or waits longer than the bound."""

    stage: str
    _run: OpenRun | None = None
    _figures: dict[str, float] = field(default_factory=dict)
    _pages: list[tuple[str, Path]] = field(default_factory=list)
    _actions: list[Action] = field(default_factory=list)

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
        self._attempt(lambda run: run.store.log(run.run_id, points, step=step))

    def pages(self, stage: str, files: Iterable[Path]) -> None:
        """Upload pages of another stage, at the end, to the run that stands for it in this state.

        Parameters
        ----------
        files
            In that stage's report folder; the run keeps their paths relative to it.
        """
        self._pages += [(stage, file) for file in files]

    def at_end(self, action: Action) -> None:
        """Do something with the run once it is finished; what goes wrong there is a warning, too."""
        self._actions.append(action)

    def _attempt(self, action: Action) -> None:
        run, self._run = self._run, None  # the first failure ends it: a dead server is not waited for again
        if run is not None:
            with forgiving(self.stage):
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
        Takes figures, curves, pages, and what is to be done at the end.
    """
    log.info("%s: start", stage)
    record = StageRecord(stage)
    with forgiving(stage):
        record._run = _open(stage, config)
    try:
        with nullcontext() if record._run is None else _watched(record._run, config.track.timeout_s):
            yield record
    except BaseException as error:
        status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        message = without_password(f"{type(error).__name__}: {error}")
        record._attempt(lambda run: _fail(run, status, message))
        log.info("%s: %s", stage, status.lower())
        raise
    record._attempt(lambda run: _finish(run, record, config))
    for action in record._actions:
        record._attempt(action)
    log.info("%s: done", stage)


@contextmanager
def forgiving(stage: str) -> Iterator[None]:
    """Turn what goes wrong into a warning: tracking never costs a stage its work."""
    try:
        yield
    except state.NoPipelineError as error:
        log.info("%s is not tracked: %s", stage, error)
    except Exception as error:
        log.warning(
            "%s: MLflow fails, the report folder is the record; `fracture sync` repairs. %s",
            stage,
            without_password(str(error)),
        )
        log.debug("why MLflow failed", exc_info=True)


def _watched(run: OpenRun, timeout_s: float) -> AbstractContextManager[None]:
    """Log how busy the machine is, by a client of its own: its waiting costs the stage no patience."""

    def log_figures(figures: Mapping[str, float], step: int) -> None:
        store = replace(run.store, client=Client(run.store.uri, timeout_s))
        store.log(run.run_id, _steps(projection.MACHINE, figures), step=step)

    return machine.watched(log_figures)


def _steps(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}{name}": value for name, value in projection.finite(values).items()}


def _open(name: str, config: Config) -> OpenRun:
    """Find or make the parent, adopt what is done already, start the child."""
    pipeline = repository.read()
    stage = pipeline[name]
    store = connect(config.track, pipeline.root)
    parent_id = projection.find_or_make_parent(store, pipeline, config).info.run_id
    changing = {name, *pipeline.downstream(name)}
    others, _ = projection.adopt(store, pipeline, parent_id, config, excluding=changing)
    tags = _identity(store, stage) | provenance.environment(config.run.threads) | provenance.process()
    child = projection.make_child(store, stage, parent_id, config, tags)
    by_hand = "pipeline.by_hand" in tags
    if not by_hand:
        store.client.update_run(parent_id, status="RUNNING")
    return OpenRun(store, pipeline, parent_id, child.info.run_id, others, by_hand)


def _identity(store: Store, stage: state.Stage) -> dict[str, str]:
    """Which attempt at its recipe this is, and whether DVC knows of it."""
    executions = store.find({"pipeline.stage_key": stage.now.key})
    attempt = 1 + sum("pipeline.backfilled" not in run.data.tags for run in executions)
    tags = {"pipeline.attempt": str(attempt)}
    if os.environ.get("DVC_STAGE", "").rpartition(":")[2] != stage.name:
        tags["pipeline.by_hand"] = "true"
    return tags


def _finish(run: OpenRun, record: StageRecord, config: Config) -> None:
    """Log what the stage made; FINISHED comes last, so that it means complete."""
    client, report = run.store.client, config.paths.report(record.stage)
    run.store.log(run.run_id, record._figures | projection.report_figures(report))
    projection.upload(run.store, run.run_id, report, besides=PAGES.get(record.stage, ()))
    if not run.by_hand:
        _upload_pages(run, record, config)
    client.set_terminated(run.run_id, "FINISHED")
    if run.by_hand:
        return
    child = client.get_run(run.run_id)
    projection.describe(run.store, run.pipeline, run.parent_id, {**run.others, record.stage: child})
    client.set_terminated(run.parent_id, "FINISHED")


def _upload_pages(run: OpenRun, record: StageRecord, config: Config) -> None:
    for stage, file in record._pages:
        if stage in run.others:
            folder = file.relative_to(config.paths.report(stage)).parent
            run.store.client.upload(run.others[stage].info.run_id, file, folder)


def _fail(run: OpenRun, status: str, message: str) -> None:
    client = run.store.client
    client.set_tag(run.run_id, "pipeline.error", message)
    client.set_terminated(run.run_id, status)
    if not run.by_hand:
        client.set_terminated(run.parent_id, status)
