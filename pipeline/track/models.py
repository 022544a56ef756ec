"""Registered models as MLflow keeps them: a version logged and downloaded, and what its files are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipeline.files import outputs
from pipeline.track.guard import received
from pipeline.track.outage import explained
from pipeline.track.store import Store

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

SCORING = Path(__file__).with_name("scoring.py")
LAUNCH = Path(__file__).parent / "guard" / "launch.py"
IMAGES_VARIABLE, PIXELS_VARIABLE = received.FOLDER_VARIABLE, received.PIXELS_VARIABLE
FILES_TAG = "files.sha256"  # of a version: of the list of its files, which lies among them
_FILES = "files.json"
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
    import mlflow
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    client = store.client.raw
    with explained(store.uri, "a new version"), TemporaryDirectory() as folder:
        logged = client.create_logged_model(store.experiment_id, name="bundle", source_run_id=run_id)
        mlflow.pyfunc.save_model(
            Path(folder) / "model",
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                run_id=run_id,
                model_uuid=logged.model_id,
                model_id=logged.model_id,
            ),
            python_model=str(_PACKAGE / "track" / "serving.py"),
            artifacts=dict(artifacts),
            code_paths=[str(_PACKAGE)],
            signature=_signature(),
            input_example=example,
            pip_requirements=list(requirements),
        )
        sealed = seal(Path(folder) / "model")
        client.log_model_artifacts(logged.model_id, str(Path(folder) / "model"))
        client.finalize_logged_model(logged.model_id, "READY")
        if run_id:
            client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        version = client.create_model_version(
            name,
            logged.artifact_location,
            run_id,
            tags={**tags, FILES_TAG: sealed},
            # A local database would look for the run of a model where the whole process is connected to.
            model_id=logged.model_id if run_id or store.client.remote else None,
        )
    return str(version.version)


def download(store: Store, name: str, version: str, file: str, folder: Path) -> Path:
    """Download a file of a version, or all of it ("") into a folder, and return where that lies.

    Raises
    ------
    VersionError
        It cannot be had.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    uri = store.client.get_model_version_download_uri(name, version)
    try:
        address = f"{uri}/{file}" if file else uri
        return Path(download_artifacts(address, dst_path=str(folder), tracking_uri=store.uri))
    except (MlflowException, OSError) as error:
        raise VersionError(f"version {version} of {name} must have its files. Received: {error}") from error


def seal(model: Path) -> str:
    """List the sha256 of every file of a model beside them, and return that of the list."""
    outputs.write_exact_json(model / _FILES, _hashes(model))
    return outputs.sha256(model / _FILES)


def check(model: Path, expected: str) -> None:
    """Compare a downloaded model's files with their list, and the list with its sha256 in the registry.

    What Python compiled beside them is removed: it may be of other code.

    Raises
    ------
    VersionError
        A file was changed, added or removed since it was registered.
    """
    advice = "Someone changed the artifact store: bring the file back, or register the model anew."
    for cache in [*model.rglob("__pycache__")]:
        shutil.rmtree(cache)
    if not (model / _FILES).is_file() or outputs.sha256(model / _FILES) != expected:
        raise VersionError(f"{_FILES} of a version must be as registered. Received: another. {advice}")
    listed, here = json.loads((model / _FILES).read_text(encoding="utf-8")), _hashes(model)
    if changed := sorted(name for name in {*listed, *here} if listed.get(name) != here.get(name)):
        raise VersionError(f"{changed[0]} of a version must be as registered. Received: another. {advice}")


def _hashes(model: Path) -> dict[str, str]:
    files = (path for path in model.rglob("*") if path.is_file() and path != model / _FILES)
    return {path.relative_to(model).as_posix(): outputs.sha256(path) for path in files}


def artifact(model: Path, name: str) -> Path:
    """Find an artifact that a model was logged with; the model's folder where there is none of that name."""
    from mlflow.models import Model

    artifacts = Model.load(model).flavors["python_function"].get("artifacts", {})
    return model / artifacts[name]["path"] if name in artifacts else model


def _signature() -> ModelSignature:
    """Describe what `serving.FractureModel` takes and gives; a text column takes bytes, too."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    names = ("decision", "body_part", "regions", "region_map", "reason", "detail", "notes")
    texts = (ColSpec("string", name) for name in names)
    return ModelSignature(
        Schema([ColSpec("string", "image")]),
        Schema([ColSpec("double", "probability"), *texts]),
        ParamSchema([ParamSpec("region_map", "boolean", default=True)]),
    )
