"""Registered versions, asked in a process of their own."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import numpy as np
import pytest

from pipeline.files import outputs
from pipeline.registry import versions
from pipeline.registry.versions import VersionError

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


def test_a_sealed_bundle_names_its_files(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    named = {"sha256": "f" * 64, "files": {"a.json": outputs.sha256(tmp_path / "a.json")}}
    (tmp_path / "bundle.json").write_text(json.dumps(named))
    assert versions.sealed(tmp_path) == ("f" * 64, [tmp_path / "a.json"])
    (tmp_path / "a.json").write_text("{ }")
    with pytest.raises(VersionError, match=r"a\.json must be the file that was sealed"):
        versions.sealed(tmp_path)
    (tmp_path / "a.json").unlink()
    with pytest.raises(VersionError, match="must hold a sealed bundle"):
        versions.sealed(tmp_path)
