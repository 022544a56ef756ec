"""Registered models as MLflow keeps them: a version logged and downloaded, and what its files are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipeline.track import seal
from pipeline.track.outage import StoreError
from pipeline.track.store import Store
from pipeline.track.waiting import to_move

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

SCORING = Path(__file__).with_name("scoring.py")
_PACKAGE = Path(__file__).parents[1]


class VersionError(ValueError):
    """A registered version cannot be fetched, or does not answer."""


def registered(store: Store, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the tags of a registered model, and the version of each alias; none where there is no model."""
    models = store.client.search_registered_models(f"name = '{name}'")
    if not models:
        return {}, {}
    return dict(models[0].tags), {alias: str(version) for alias, version in models[0].aliases.items()}


def log_version(
    store: Store,
    name: str,
    run_id: str | None,
    *,
    artifacts: Mapping[str, str],
    tags: Mapping[str, str],
    requirements: Sequence[str],
    example: Any,
) -> str:
    """Log artifacts with the code that serves them, make them a version of a model, and return its number.

    MLflow's own `log_model` uses the store of the whole process; and it would load each version and
    predict the example: seconds, for a bundle that the stage has just predicted with.

    Parameters
    ----------
    run_id
        The run that made it; None where nobody knows.
    artifacts
        Name to the path of a file or folder.
    requirements
        Pinned packages.
    example
        An input of the version.
    """
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    client = store.client
    with TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        logged = client.create_logged_model(store.experiment_id, name="bundle", source_run_id=run_id)
        description = Model(
            artifact_path=logged.artifact_location,
            run_id=run_id,
            model_uuid=logged.model_id,
            model_id=logged.model_id,
        )
        save(model, artifacts, requirements, example, description)
        listed = seal.seal(model)
        client.call(
            "log_model_artifacts",
            lambda: client.raw.log_model_artifacts(logged.model_id, str(model)),
            lambda: to_move(model),
        )
        client.finalize_logged_model(logged.model_id, "READY")
        if run_id:
            client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        version = client.create_model_version(
            name,
            logged.artifact_location,
            run_id,
            tags=dict(tags) | {seal.TAG: listed},
            # A local database would look for the run of a model where the whole process is connected to.
            model_id=logged.model_id if run_id or client.remote else None,
        )
    return str(version.version)


def save(
    folder: Path,
    artifacts: Mapping[str, str],
    requirements: Sequence[str],
    example: Any,
    description: Model | None = None,
) -> None:
    """Save artifacts with the code that serves them, as MLflow loads it: see :func:`log_version`."""
    import mlflow

    mlflow.pyfunc.save_model(
        folder,
        mlflow_model=description,
        python_model=str(_PACKAGE / "track" / "serving.py"),
        artifacts=dict(artifacts),
        code_paths=[str(_PACKAGE)],
        signature=_signature(),
        input_example=example,
        pip_requirements=list(requirements),
    )


def download(store: Store, name: str, version: str, file: str, folder: Path) -> Path:
    """Download a file of a version, or all of it ("") into a folder, and return where that lies.

    Raises
    ------
    VersionError
        It cannot be had.
    """
    from mlflow.artifacts import download_artifacts

    uri = store.client.get_model_version_download_uri(name, version)
    address = f"{uri}/{file}" if file else uri
    try:
        found = store.client.call(
            file or "its files",
            lambda: download_artifacts(address, dst_path=str(folder), tracking_uri=store.uri),
            lambda: to_move(folder),
        )
    except StoreError as error:
        raise VersionError(f"version {version} of {name} must have its files. {error}") from error
    return Path(found)


def artifact(model: Path, name: str) -> Path:
    """Find an artifact that a model was logged with; the model's folder where there is none of that name."""
    from mlflow.models import Model

    artifacts = Model.load(model).flavors["python_function"].get("artifacts", {})
    return model / artifacts[name]["path"] if name in artifacts else model


def _signature() -> ModelSignature:
    """Describe what `serving.FractureModel` takes and gives; a text column takes bytes, too."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    names = ("decision", "body_part", "regions", "region_map", "reason", "detail", "notes", "scope", "model")
    texts = (ColSpec("string", name) for name in names)
    return ModelSignature(
        Schema([ColSpec("string", "image")]),
        Schema(
            [
                ColSpec("double", "probability"),
                *texts,
                ColSpec("boolean", "region_stands_out", required=False),
            ]
        ),
        ParamSchema([ParamSpec("region_map", "boolean", default=True)]),
    )
