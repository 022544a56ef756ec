"""What lies in MLflow's store, for good or for bad: listed, measured, removed.

A database that is opened here loses rows and files. A server lets nobody do that from outside: there, things
are marked as deleted, and `mlflow gc` beside the server removes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pipeline.track import provenance
from pipeline.track.store import Store

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion

_PAGE = 500


def runs(store: Store) -> list[Run]:
    """Return all runs of the experiment, deleted ones too."""
    from mlflow.entities import ViewType

    client = store.client
    return _all(
        lambda token: client.search_runs(
            [store.experiment_id], run_view_type=ViewType.ALL, max_results=_PAGE, page_token=token
        )
    )


def versions(store: Store, name: str) -> list[ModelVersion]:
    """Return all versions of a registered model."""
    return _all(lambda token: store.client.search_model_versions(f"name = '{name}'", page_token=token))


def logged_models(store: Store) -> dict[str, LoggedModel]:
    """Return the files of versions that the experiment holds, by their address."""
    found = _all(lambda token: store.client.search_logged_models([store.experiment_id], page_token=token))
    return {model.artifact_location: model for model in found}


def status(run: Run) -> str:
    """Return how a run ended; one whose process died without a word was killed."""
    is_dead = run.info.status == "RUNNING" and provenance.is_dead(run.data.tags)
    return "KILLED" if is_dead else str(run.info.status)


def size(store: Store, address: str) -> int:
    """Return the bytes of all files at an address of artifacts; 0 on a server, where none is freed."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    if store.client.remote:
        return 0
    files = get_artifact_repository(address)

    def below(path: str | None) -> int:
        found = files.list_artifacts(path)
        return sum(below(one.path) if one.is_dir else one.file_size or 0 for one in found)

    return int(store.client.call("its files", lambda: below(None)))


def remove_run(store: Store, run: Run) -> None:
    """Remove a run, its files first."""
    if not store.client.remote:
        _remove_files(store, run.info.artifact_uri)
    if run.info.lifecycle_stage == "active":
        store.client.delete_run(run.info.run_id)
    _forget(store, "_hard_delete_run", run.info.run_id)


def remove_model(store: Store, model: LoggedModel) -> None:
    """Remove the files of a version that is gone."""
    if not store.client.remote:
        _remove_files(store, model.artifact_location)
    store.client.delete_logged_model(model.model_id)
    _forget(store, "_hard_delete_logged_model", model.model_id)


def _remove_files(store: Store, address: str) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    files: Any = get_artifact_repository(address)
    store.client.call("its files to go", lambda: files.delete_artifacts())


def _forget(store: Store, method: str, key: str) -> None:
    """Delete the rows of what is marked as deleted, by what `mlflow gc` calls; a server lacks it.

    The command itself would take the deleted experiments of everybody who uses the database along.
    """
    from mlflow.tracking._tracking_service import utils

    tables: Any = utils
    if not store.client.remote:
        rows = store.client.call("its tables", lambda: tables._get_store(store.uri))
        store.client.call(method, lambda: getattr(rows, method)(key))


def _all(page: Callable[[str | None], Any]) -> list[Any]:
    found: list[Any] = []
    token: str | None = None
    while True:
        part: Iterable[Any] = page(token)
        found += part
        token = getattr(part, "token", None)
        if not token:
            return found
