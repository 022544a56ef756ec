"""The model registry: a bundle is registered once, and its hash names its version."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import pipeline
from pipeline.config import Config
from pipeline.dataset import manifest
from pipeline.files import images
from pipeline.track import description, inputs, repository, state
from pipeline.track.outage import explained
from pipeline.track.store import Store, connect

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

CHALLENGER = "challenger"
BUNDLE_TAG = "bundle.sha256"
BUNDLE, LEARNT = "bundle", "learnt"  # what a version holds: see `_artifacts`

# What the package imports to predict. Named here: MLflow's own inference loads the model in another process.
_REQUIREMENTS = (
    "keras", "matplotlib", "mlflow", "numpy", "opencv-python", "pandas", "pandera", "pillow",
    "psutil", "pydantic", "pydicom", "pyyaml", "rich", "scikit-learn", "scipy", "tensorflow",
)  # fmt: skip


def register(config: Config, bundle: Path, known: state.Pipeline | None = None) -> str:
    """Register a bundle as a model version, unless one with its hash is there.

    Parameters
    ----------
    bundle
        Its ``bundle.json``; the files that it names lie beside it.
    known
        The pipeline, where it was read already: DVC takes a second for it.

    Returns
    -------
    str
        The version. A new one gets the alias ``challenger``, and tags that name the bundle's sha256 and
        the md5 by which DVC knows it, the radiographs, those tested on, the pipeline's state and its run.

    Raises
    ------
    BundleError
        A file is missing or is not the one that ``bundle.json`` names.
    StoreError
        The store does not answer within ``track.timeout_s``, or refuses.
    """
    from pipeline.predict import bundle as sealed  # TensorFlow comes with it

    sha256 = str(json.loads(bundle.read_text(encoding="utf-8"))["sha256"])
    name = config.track.model_name
    pipeline_state = known or repository.read()
    store = connect(config.track, pipeline_state.root)
    with store.locked():
        if version := find_version(store, name, sha256):
            return version
        sealed.check(bundle.parent)
        run_id = _run_of(store, pipeline_state)
        files = manifest.read(config.paths.manifest)
        tags = {
            BUNDLE_TAG: sha256,
            "bundle.md5": hashlib.md5(bundle.read_bytes(), usedforsecurity=False).hexdigest(),
            "pipeline.state": pipeline_state.key,
            "pipeline.run_id": run_id or "",
            "test.sha256": test_hash(files),
            **inputs.tags(inputs.of_state(pipeline_state, config)),
        }
        with TemporaryDirectory() as folder:
            artifacts = _artifacts(bundle.parent, files, Path(folder))
            with explained(store.uri, "a new version"):
                version = _log_model(store, name, artifacts, run_id, tags)
        store.client.set_registered_model_alias(name, CHALLENGER, version)
    if run_id:
        store.log(run_id, tags={"registry.version": version, BUNDLE_TAG: sha256})
        figures = store.client.get_run(run_id).data.metrics
        store.client.update_model_version(name, version, description.summary(figures))
    return version


def find_version(store: Store, name: str, sha256: str) -> str | None:
    """Return the version of the bundle with that hash; None where it was never registered."""
    found = store.client.search_model_versions(f"name = '{name}' and tags.`{BUNDLE_TAG}` = '{sha256}'")
    return str(min(int(version.version) for version in found)) if found else None


def _run_of(store: Store, pipeline_state: state.Pipeline) -> str | None:
    """Return the parent run of the pipeline's state: a bundle is the work of all its stages."""
    found = store.find({"pipeline.role": "pipeline", "pipeline.state": pipeline_state.key})
    return found[0].info.run_id if found else None


def test_hash(files: pd.DataFrame) -> str:
    """Name a test set by one sha256 over those of its radiographs: equal for the same files in any order."""
    tested = sorted(manifest.rows(files, "test")["sha256"])
    return hashlib.sha256("\n".join(tested).encode()).hexdigest()


def _artifacts(bundle: Path, files: pd.DataFrame, folder: Path) -> dict[str, str]:
    """Return what a version holds: its bundle, and the sha256 of each file that it learnt from.

    Hashes alone, since names may be patients': they tell on which radiographs it must not be tested.
    """
    learnt = manifest.rows(files, ("train", "val"))
    path = folder / f"{LEARNT}.csv"
    learnt[["sha256", "split"]].sort_values("sha256").to_csv(path, index=False, lineterminator="\n")
    return {BUNDLE: str(bundle), LEARNT: str(path)}


class _Unasked:
    """MLflow's `pyfunc`, without a first question to the version.

    `Model.log` would load each version and ask it the example, only to warn where that fails: seconds, for a
    bundle that the stage has just predicted with. Its switch, an option of `Model.log`, is handed on to
    `save_model`, too, which knows no such option.
    """

    @staticmethod
    def save_model(*, validate_serving_input: bool, **options: Any) -> None:
        import mlflow

        mlflow.pyfunc.save_model(**options)


def _log_model(
    store: Store, name: str, artifacts: dict[str, str], run_id: str | None, tags: dict[str, str]
) -> str:
    """Log the bundle with the code that serves it, and make it a version."""
    import mlflow
    from mlflow.models import Model

    mlflow.set_tracking_uri(store.uri)
    mlflow.set_registry_uri(store.uri)
    mlflow.set_experiment(experiment_id=store.experiment_id)
    package = Path(pipeline.__file__).parent
    logged = Model.log(
        artifact_path=None,  # its old name, still a required argument
        name="bundle",
        flavor=_Unasked,
        flavor_name="mlflow.pyfunc",
        validate_serving_input=False,
        run_id=run_id,
        python_model=str(package / "track" / "serving.py"),
        artifacts=artifacts,
        code_paths=[str(package)],
        signature=_signature(),
        input_example=_example(),
        pip_requirements=_requirements(),
    )
    return str(mlflow.register_model(logged.model_uri, name, tags=tags).version)


def _signature() -> ModelSignature:
    """Describe what `serving.FractureModel` takes and gives; a text column takes bytes, too."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    texts = (ColSpec("string", name) for name in ("decision", "body_part", "regions", "region_map"))
    return ModelSignature(
        Schema([ColSpec("string", "image")]),
        Schema([ColSpec("double", "probability"), *texts]),
        ParamSchema([ParamSpec("region_map", "boolean", default=True)]),
    )


def even_radiograph() -> str:
    """Return one even grey radiograph, in base64 as a client would send it."""
    return base64.b64encode(images.encode_png(np.full((64, 64), 128, np.uint8))).decode()


def _example() -> Any:
    return pd.DataFrame({"image": [even_radiograph()]})


def _requirements() -> list[str]:
    """Pin what is installed, whichever of its names TensorFlow or OpenCV was installed under."""
    installed = {d.metadata["Name"].lower(): d.version for d in metadata.distributions()}
    return [f"{name}=={installed[name]}" for name in _REQUIREMENTS if name in installed]
