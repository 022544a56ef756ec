"""Registering a stand-in for the bundle, with the real registry."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import pytest

from pipeline import config
from pipeline.dataset import manifest
from pipeline.drift import served as served_radiographs
from pipeline.files import images
from pipeline.predict import bundle
from pipeline.registry import registration, versions
from pipeline.track import packages, runs
from pipeline.track.store import connect
from tests import manifests

# MLflow warns of its own type hints when it is imported whole, and of its own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore")

BOX = SimpleNamespace(row=1, column=2, height_px=3, width_px=4, score=0.5)
MAP = np.linspace(0, 1, 2000, dtype=np.float32).reshape(40, 50)


class MeanBundle:
    """Finds the mean brightness for a probability, and always the same box."""

    def predict(self, radiographs):
        return [
            SimpleNamespace(
                probability=r.mean() / 255,
                decision="fracture",
                body_part="hand",
                regions=[BOX],
                region_map=MAP,
            )
            for r in radiographs
        ]


@pytest.fixture
def settings(reproduced, monkeypatch):
    monkeypatch.setattr(bundle, "load", lambda folder: MeanBundle())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", reproduced.store)
    with contextlib.chdir(reproduced.folder):
        manifests.write(config.read().paths.manifest)
        yield config.read()


def seal(settings, weights):
    """Write and seal a bundle whose files all hold the same text."""
    settings.paths.models.mkdir(exist_ok=True)
    for name in bundle.FILES:
        (settings.paths.models / name).write_text(weights)
    bundle.seal(settings.paths.models)
    return settings.paths.models / bundle.BUNDLE


def md5(path):
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def test_a_test_set_is_named_by_its_files_in_any_order(settings):
    files = manifest.read(settings.paths.manifest)
    assert registration.test_hash(files) == registration.test_hash(files[::-1])
    fewer = files[files["path"] != files.loc[files["split"] == "test", "path"].iloc[0]]
    assert registration.test_hash(files) != registration.test_hash(fewer)
    assert registration.test_hash(files) == registration.test_hash(files[files["split"] == "test"])


def test_a_bundle_is_registered_once(settings, reproduced):
    assert registration.register(settings, seal(settings, "a")) == "1"
    assert registration.register(settings, seal(settings, "a")) == "1"
    assert registration.register(settings, seal(settings, "b")) == "2"
    assert registration.register(settings, seal(settings, "a")) == "1"
    version = mlflow.MlflowClient().get_model_version_by_alias(
        settings.track.model_name, registration.CHALLENGER
    )
    assert version.version == "2" or version.version == 2
    assert version.tags[versions.BUNDLE_TAG] == bundle.check(seal(settings, "b").parent)
    assert version.run_id == reproduced.parents()[0].info.run_id
    assert version.tags["bundle.md5"] == md5(settings.paths.models / bundle.BUNDLE)
    assert version.tags["data.md5"] == reproduced.parents()[0].data.tags["data.md5"]


def test_a_stage_and_its_registration_change_nothing_of_the_process(settings, reproduced, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.setenv("MLFLOW_RUN_ID", "f" * 32)
    before = dict(os.environ), mlflow.get_tracking_uri(), mlflow.get_registry_uri(), mlflow.active_run()
    with runs.stage_run("train", settings) as record:
        sealed = seal(settings, "f")
        record.at_end(lambda run: registration.register(settings, sealed, run.pipeline))
    after = dict(os.environ), mlflow.get_tracking_uri(), mlflow.get_registry_uri(), mlflow.active_run()
    assert after == before
    (version,) = reproduced.client().search_model_versions(f"name = '{settings.track.model_name}'")
    assert version.run_id == reproduced.parents()[-1].info.run_id


def test_a_bundle_of_no_run_is_registered(settings, reproduced):
    reproduced.lose_the_record()
    assert registration.register(settings, seal(settings, "g")) == "1"


def test_every_package_is_pinned_to_what_is_installed(monkeypatch):
    installed = {"tensorflow-cpu": "2.21.0", "numpy": "2.2.1"}
    monkeypatch.setattr(metadata, "requires", lambda _: ["tensorflow>=2.21", "numpy", 'x; extra == "y"'])
    monkeypatch.setattr(packages.metadata, "version", version_of(installed))
    assert registration.requirements() == ["tensorflow-cpu==2.21.0", "numpy==2.2.1"]


def version_of(installed):
    def version(name):
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    return version


def test_a_version_knows_what_it_learnt_from(settings, tmp_path):
    version = registration.register(settings, seal(settings, "e"))
    store = connect(settings.track, Path())
    model = versions.fetch(store, settings.track.model_name, version, tmp_path / "fetched")
    files = manifest.read(settings.paths.manifest)
    assert versions.learnt(model) == set(files.loc[files["split"] != "test", "sha256"])


@pytest.fixture
def served(settings):
    """The registered model, as MLflow loads it."""
    registration.register(settings, seal(settings, "c"))
    return mlflow.pyfunc.load_model(f"models:/{settings.track.model_name}@challenger")


def test_a_registered_bundle_answers_for_paths_bytes_and_base64(served, tmp_path):
    images.write(tmp_path / "dark.png", np.zeros((40, 50), np.uint8))
    bright = images.encode_png(np.full((40, 50), 255, np.uint8))
    asked = [str(tmp_path / "dark.png"), bright, base64.b64encode(bright).decode()]
    found = served.predict(pd.DataFrame({"image": asked}))
    assert found["probability"].tolist() == [0.0, 1.0, 1.0]
    assert found["decision"].tolist() == ["fracture"] * 3
    assert found["body_part"].tolist() == ["hand"] * 3
    assert json.loads(found["regions"][0]) == [{"bbox": [2, 1, 4, 3], "score": 0.5}]
    grey = images.decode(base64.b64decode(found["region_map"][0]), "map").pixels
    assert np.array_equal(grey, np.rint(255 * MAP).astype(np.uint8))
    with pytest.raises(images.ImageFault, match="row 0"):
        served.predict(pd.DataFrame({"image": ["no such file"]}))


def test_maps_are_left_out_where_nobody_wants_them(served):
    table = pd.DataFrame({"image": [versions.even_radiograph()]})
    assert served.predict(table, params={"region_map": False})["region_map"].tolist() == [""]


def test_what_is_seen_is_described_only_where_a_folder_is_named(served, tmp_path, monkeypatch):
    table = pd.DataFrame({"image": [versions.even_radiograph()] * 2})
    served.predict(table)
    monkeypatch.setenv("FRACTURE_SEEN", str(tmp_path / "seen"))
    served.predict(table)
    profile = served_radiographs.read(tmp_path / "seen")
    assert (profile.files, profile.groups, profile.sample["brightness"].tolist()) == (2, 1, [128.0])


@pytest.mark.reliability(
    "a full disk under the record of what a server sees", "the answer comes all the same, with a warning"
)
def test_a_full_disk_costs_the_record_and_not_the_answer(served, tmp_path, monkeypatch, caplog):
    (tmp_path / "seen").write_text("no folder")
    monkeypatch.setenv("FRACTURE_SEEN", str(tmp_path / "seen"))
    assert len(served.predict(pd.DataFrame({"image": [versions.even_radiograph()]}))) == 1
    assert "what was seen is not noted" in caplog.text


def test_a_version_holds_code_and_no_pickle(served, settings):
    model = Path(mlflow.artifacts.download_artifacts(f"models:/{settings.track.model_name}@challenger"))
    flavor = served.metadata.flavors["python_function"]
    assert flavor["model_code_path"].endswith("serving.py")
    assert [path for path in model.rglob("*") if path.suffix in (".pkl", ".pickle", ".joblib")] == []
    assert served.metadata.signature.inputs.input_names() == ["image"]
    assert served.metadata.signature.outputs.input_names() == [
        "probability", "decision", "body_part", "regions", "region_map"
    ]  # fmt: skip
    assert served.input_example["image"].tolist() == [versions.even_radiograph()]


def test_a_damaged_bundle_is_refused(settings):
    sealed = seal(settings, "d")
    (settings.paths.models / bundle.CLASSIFIER).write_text("damaged")
    with pytest.raises(bundle.BundleError, match=r"classifier\.keras"):
        registration.register(settings, sealed)
