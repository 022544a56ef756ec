"""What a revision, an experiment, a run or a registered version recorded: settings, figures, files.

All keep the same report folders, git and DVC under ``paths.reports``, MLflow among the artifacts of the
stages' runs; so two records compare wherever each of them lies.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.dataset.names import METRICS
from pipeline.track import models, projection, repository, revisions
from pipeline.track.outage import UnansweredError, unreachable
from pipeline.track.store import Store, connect
from pipeline.track.waiting import to_move

if TYPE_CHECKING:
    from mlflow.entities import Run

log = logging.getLogger(__name__)

WORKSPACE = "workspace"  # DVC's name for the working folder
_RUN_ID = re.compile("[0-9a-f]{32}")

ReadFile = Callable[[str, str], bytes | None]


class RecordError(ValueError):
    """Nothing was recorded under that name."""


@dataclass(frozen=True)
class Record:
    """What was recorded under a name.

    Attributes
    ----------
    name
        As it was given.
    description
        What that is, for readers.
    settings
        Dotted name to value, as text.
    figures
        Stage to its figures under dotted names.
    read
        From a stage and a file of its report folder to bytes; None where that is not at hand.
    """

    name: str
    description: str
    settings: Mapping[str, str]
    figures: Mapping[str, Mapping[str, float]]
    read: ReadFile


def find(config: Config, *names: str) -> list[Record]:
    """Find what was recorded under each name; MLflow's store is opened at most once, where one needs it.

    Parameters
    ----------
    names
        ``workspace``; a git revision or a DVC experiment; a version's number or alias; a run's id
        or name. The first of these that fits is meant; ``version:3`` and ``run:NAME`` leave no doubt.

    Raises
    ------
    RecordError
        One is none of these, or the version has no run.
    """
    opened = cache(lambda: connect(config.track, repository.root()))
    return [_find(config, name, opened) for name in names]


def _find(config: Config, name: str, opened: Callable[[], Store]) -> Record:
    kind, _, rest = name.rpartition(":")
    record = _at_revision(config, name) if kind not in ("version", "run") else None
    if record is None:
        store = opened()
        run = _run_of_version(store, config.track.model_name, rest) if kind != "run" else None
        run = run or (_run(store, rest) if kind != "version" else None)
        record = _of_run(store, name, *run) if run else None
    if record is None:
        raise RecordError(
            "compare needs a git revision, an experiment, a version or a run. "
            f"Received: {name}, which is none. `dvc exp show`, `fracture history`, `fracture ui` name some."
        )
    return record


def _at_revision(config: Config, name: str) -> Record | None:
    revision = revisions.at(None if name == WORKSPACE else name)
    if revision is None:
        return None
    if not revision.stages:
        raise RecordError(
            f"compare needs results. Received: {name}, where nothing was reproduced: no dvc.lock."
        )

    older = outdated(revision.stages)
    stages = {stage: entry for stage, entry in revision.stages.items() if stage not in older}

    def read(stage: str, file: str) -> bytes | None:
        return None if stage in older else revision.read(config.paths.report(stage) / file)

    recipes = map(repository.recorded, stages.values())
    settings = {key: str(value) for recipe in recipes for key, value in recipe.settings.items()}
    description = "the working folder" if name == WORKSPACE else f"revision {revision.commit[:12]}"
    if older:
        description += f", without what stood before its newest results: {', '.join(older)}"
    return Record(name, description, settings, _figures(stages, read), read)


def outdated(entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Name the stages in ``dvc.lock`` that read other results than those that the stages before them wrote.

    So it is where some stages ran again and others did not yet: what these wrote belongs to another state.
    """
    made = {
        path: (md5, name)
        for name, entry in entries.items()
        for path, md5 in repository.outputs(entry).items()
    }

    def reads_older(name: str) -> bool:
        read = repository.recorded(entries[name]).dependencies
        own = ((md5, *made[path]) for path, md5 in read.items() if path in made)
        return any(md5 != now or reads_older(maker) for md5, now, maker in own)

    return [name for name in entries if reads_older(name)]


def _run_of_version(store: Store, name: str, number_or_alias: str) -> tuple[Run, str] | None:
    """Find the run of a registered version by its number or alias."""
    version = models.registered(store, name)[1].get(number_or_alias, number_or_alias)
    versions = {str(v.version): v for v in store.client.search_model_versions(f"name = '{name}'")}
    if version not in versions:
        return None
    run_id = versions[version].run_id
    if not run_id:
        raise RecordError(
            f"a version is compared by its run. Received: version {version} of {name}, which has none. "
            "Name its git revision."
        )
    return store.client.get_run(run_id), f"version {version} of {name}, "


def _run(store: Store, id_or_name: str) -> tuple[Run, str] | None:
    """Find a run by its id, or the newest of a name."""
    clause = "attributes.run_id" if _RUN_ID.fullmatch(id_or_name) else "attributes.run_name"
    runs = store.client.search_runs([store.experiment_id], f"{clause} = '{id_or_name.replace(chr(39), '')}'")
    return (runs[0], "") if runs else None


def _of_run(store: Store, name: str, run: Run, description: str) -> Record:
    tags = run.data.tags
    by_stage = {
        key.split(".")[1]: value for key, value in tags.items() if re.fullmatch(r"stage\..+\.run_id", key)
    }
    stages = by_stage or {tags.get("pipeline.stage", ""): run.info.run_id}

    def read(stage: str, file: str) -> bytes | None:
        with TemporaryDirectory() as folder:
            try:
                path = store.client.call(
                    f"{file} of {stage}",
                    lambda: store.client.raw.download_artifacts(stages[stage], file, folder),
                    lambda: to_move(Path(folder)),
                )
            except Exception as error:  # every artifact store has its own for a file that is not there
                if unreachable(error) or isinstance(error, UnansweredError):
                    raise
                log.debug("%s: no %s of %s: %s", name, file, stage, error)
                return None
            return Path(path).read_bytes()

    description = f"{description}run {run.info.run_name} ({run.info.run_id[:8]})"
    return Record(name, description, run.data.params, _figures(stages, read), read)


def _figures(stages: Mapping[str, object], read: ReadFile) -> dict[str, dict[str, float]]:
    """Read every stage's figures; a stage without any is left out."""
    texts = {stage: read(stage, METRICS) for stage in stages}
    figures = {stage: projection.finite(json.loads(text)) for stage, text in texts.items() if text}
    return {stage: values for stage, values in figures.items() if values}
