"""Registering a stand-in for the bundle, with the real registry."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import pytest

from pipeline import config
from pipeline.data import images, manifest
from pipeline.model import bundle
from pipeline.track import registry, versions
from pipeline.track.store import connect
from tests import manifests

# MLflow warns of its own type hints when it is imported whole, and of its own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore")

BOX = SimpleNamespace(row=1, column=2, height_px=3, width_px=4, score=0.5)


class MeanBundle:
    """Finds the mean brightness for a probability, and always the same box."""

    def predict(self, radiographs):
        return [
            SimpleNamespace(probability=r.mean() / 255, decision="fracture", regions=[BOX])
            for r in radiographs
        ]


@pytest.fixture
def settings(reproduced, monkeypatch):
    monkeypatch.setattr(bundle, "load", lambda folder: MeanBundle())
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with contextlib.chdir(reproduced.folder):
        manifests.write(config.read().paths.manifest)
        yield config.read()
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


def seal(settings, weights):
    """Write and seal a bundle whose files all hold the same text."""
    settings.paths.models.mkdir(exist_ok=True)
    for name in bundle.FILES:
        (settings.paths.models / name).write_text(weights)
    bundle.seal(settings.paths.models)
    return settings.paths.models / bundle.BUNDLE


def test_a_bundle_is_registered_once(settings, reproduced):
    assert registry.register(settings, seal(settings, "a")) == "1"
    assert registry.register(settings, seal(settings, "a")) == "1"
    assert registry.register(settings, seal(settings, "b")) == "2"
    assert registry.register(settings, seal(settings, "a")) == "1"
    version = mlflow.MlflowClient().get_model_version_by_alias(settings.track.model_name, registry.CHALLENGER)
    assert version.version == "2" or version.version == 2
    assert version.tags[registry.BUNDLE_TAG] == bundle.check(seal(settings, "b").parent)
    assert version.run_id == reproduced.parents()[0].info.run_id


def test_a_version_knows_what_it_learnt_from(settings, tmp_path):
    version = registry.register(settings, seal(settings, "e"))
    store = connect(settings.track, Path())
    model = versions.fetch(store, settings.track.model_name, version, tmp_path / "fetched")
    files = manifest.read(settings.paths.manifest)
    assert versions.learnt(model) == set(files.loc[files["split"] != "test", "sha256"])


def test_a_registered_bundle_answers_for_paths_and_bytes(settings, tmp_path):
    registry.register(settings, seal(settings, "c"))
    images.write(tmp_path / "dark.png", np.zeros((40, 50), np.uint8))
    bright = base64.b64encode(images.encode_png(np.full((40, 50), 255, np.uint8))).decode()
    model = mlflow.pyfunc.load_model(f"models:/{settings.track.model_name}@challenger")
    found = model.predict(pd.DataFrame({"image": [str(tmp_path / "dark.png"), bright]}))
    assert found["probability"].tolist() == [0.0, 1.0]
    assert found["decision"].tolist() == ["fracture", "fracture"]
    assert json.loads(found["regions"][0]) == [{"bbox": [2, 1, 4, 3], "score": 0.5}]
    with pytest.raises(images.ImageFault, match="row 0"):
        model.predict(pd.DataFrame({"image": ["no such file"]}))


def test_a_damaged_bundle_is_refused(settings):
    sealed = seal(settings, "d")
    (settings.paths.models / bundle.CLASSIFIER).write_text("damaged")
    with pytest.raises(bundle.BundleError, match=r"classifier\.keras"):
        registry.register(settings, sealed)
