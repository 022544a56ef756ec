"""Registered versions, asked in a process of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pytest

from pipeline.files import outputs
from pipeline.predict import sealing
from pipeline.registry import versions
from pipeline.registry.versions import VersionError
from pipeline.track import seal

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, as in test_registry

OWN_CODE = "ANSWER = {answer}\n"
SERVED = """
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

import pipeline

class Model(PythonModel):
    def predict(self, context, model_input, params=None):
        if "broken" in set(model_input["image"]):
            raise ValueError("cannot be decoded")
        return pd.DataFrame({"probability": pipeline.ANSWER, "decision": "fracture"}, index=model_input.index)

set_model(Model())
"""


def save(folder: Path, answer: object, **artifacts: Path) -> Path:
    """Save a model whose own copy of the package knows nothing but its answer."""
    (folder / "pipeline").mkdir()
    (folder / "pipeline/__init__.py").write_text(OWN_CODE.format(answer=answer))
    (folder / "served.py").write_text(SERVED)
    mlflow.pyfunc.save_model(
        folder / "model",
        python_model=str(folder / "served.py"),
        artifacts={name: str(path) for name, path in artifacts.items()},
        code_paths=[str(folder / "pipeline")],
        pip_requirements=["mlflow"],
    )
    return folder / "model"


@pytest.fixture(scope="module")
def quarter(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("quarter")
    (folder / "learnt.csv").write_text(f"sha256,split\n{'a' * 64},train\n{'b' * 64},val\n")
    return saved(folder)


def saved(folder: Path) -> Path:
    """Save while the package as it is here has another answer: MLflow runs a model's code to save it."""
    import pipeline

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "ANSWER", 0.75, raising=False)
        return save(folder, 0.25, learnt=folder / "learnt.csv")


def test_a_version_answers_with_its_own_code(quarter, tmp_path):
    probability = versions.score(quarter, [f"{n}.png" for n in range(40)], tmp_path)
    assert probability.dtype == np.float64
    assert probability.tolist() == [0.25] * 40


def test_a_version_that_fails_says_why(quarter, tmp_path):
    with pytest.raises(VersionError, match="ValueError: cannot be decoded"):
        versions.score(quarter, ["broken"], tmp_path)


@pytest.mark.parametrize("said", ["[0.5, 0.5]", "[1.5]", "[NaN]"])
def test_what_is_no_probability_is_refused(tmp_path, monkeypatch, said):
    def answer(command, **_):
        Path(command[-1]).write_text(f'{{"probability": {said}}}')
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(versions.subprocess, "run", answer)
    with pytest.raises(VersionError, match="with a probability"):
        versions.score(tmp_path, ["a.png"], tmp_path)


def test_it_is_known_what_a_version_learnt_from(quarter):
    assert versions.learnt(quarter) == {"a" * 64, "b" * 64}


def bundle(folder: Path) -> str:
    """Write a bundle of one file, and return its sha256."""
    folder.mkdir(exist_ok=True)
    (folder / "a.json").write_text("{}")
    return reseal(folder)


def reseal(folder: Path) -> str:
    files = {"a.json": outputs.sha256(folder / "a.json")}
    named = {"sha256": sealing.name_of(files), "files": files}
    (folder / "bundle.json").write_text(json.dumps(named))
    return named["sha256"]


@pytest.fixture
def registered(tmp_path) -> tuple[Path, dict[str, str]]:
    """A downloaded model, and the tags of its version."""
    model = tmp_path / "model"
    sha256 = bundle(tmp_path / "bundle")
    artifacts = {"bundle": {"path": "artifacts/bundle"}}
    model.mkdir()
    mlflow.models.Model(flavors={"python_function": {"artifacts": artifacts}}).save(model / "MLmodel")
    shutil.copytree(tmp_path / "bundle", model / "artifacts/bundle")
    (model / "code").mkdir()
    (model / "code/served.py").write_text("ANSWER = 1")
    return model, {versions.BUNDLE_TAG: sha256, seal.TAG: seal.seal(model)}


def edited(name: str, text: str = "{ }"):
    return lambda model: (model / name).write_text(text)


def resealed(model: Path) -> None:
    """All is made to fit again: the bundle, and the list of files."""
    edited("artifacts/bundle/a.json")(model)
    reseal(model / "artifacts/bundle")
    seal.seal(model)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (edited("artifacts/bundle/a.json"), r"artifacts/bundle/a\.json is changed"),
        (edited("artifacts/bundle/bundle.json"), r"artifacts/bundle/bundle\.json is changed"),
        (edited("code/served.py", "ANSWER = 0"), r"code/served\.py is changed"),
        (edited("code/sitecustomize.py"), r"code/sitecustomize\.py is not one of them"),
        (lambda model: (model / "code/served.py").unlink(), r"code/served\.py is missing"),
        (edited(seal.LIST), r"sha256\.json, which lists its files, is missing or changed"),
        (resealed, r"sha256\.json, which lists its files, is missing or changed"),
    ],
)
@pytest.mark.reliability(
    "edited files in MLflow's artifact store", "refused, naming the file; nothing of it is run"
)
def test_a_version_whose_files_were_edited_is_refused(registered, damage, words):
    model, tags = registered
    versions.check(model, tags, "version 1 of fracture")
    damage(model)
    with pytest.raises(VersionError, match=f"version 1 of fracture must hold .* Received: {words}"):
        versions.check(model, tags, "version 1 of fracture")


@pytest.mark.reliability(
    "a version registered before its code was hashed", "its bundle is compared; a warning"
)
def test_an_older_version_is_compared_by_its_bundle(registered, caplog):
    model, tags = registered
    old = {versions.BUNDLE_TAG: tags[versions.BUNDLE_TAG]}
    versions.check(model, old, "version 1 of fracture")
    assert "version 1 of fracture was registered without hashes of its code" in caplog.text
    resealed(model)
    with pytest.raises(VersionError, match=r"Received: .*, by its bundle\.json"):
        versions.check(model, old, "version 1 of fracture")
