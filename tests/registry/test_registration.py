"""Registering a stand-in for the bundle, with the real registry."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import mlflow
import numpy as np
import pandas as pd
import pytest

from pipeline import config
from pipeline.dataset import manifest, names
from pipeline.drift import served as served_radiographs
from pipeline.files import images
from pipeline.files.limits import Limits
from pipeline.predict import bundle, fitted_here, origin, sealing
from pipeline.registry import model_choice, registration, versions
from pipeline.track import packages, runs
from pipeline.track.store import connect
from pipeline.validate import intake
from tests import manifests

# MLflow warns of its own type hints when it is imported whole, and of its own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore")

BOX = SimpleNamespace(row=1, column=2, height_px=3, width_px=4, score=0.5)
ROWS, COLUMNS = np.indices((40, 50))
SHADES = (  # like a bone, so that it is not refused
    40 + 120 * np.exp(-(((COLUMNS - 25) / 8) ** 2)) * (0.8 + ROWS / 200)
    + np.random.default_rng(0).normal(0, 4, ROWS.shape)
).astype(np.uint8)  # fmt: skip
MAP = np.linspace(0, 1, 2000, dtype=np.float32).reshape(40, 50)


class MeanBundle:
    """Finds the mean brightness for a probability, and always the same box."""

    limits, notes = Limits(), ()

    def predict(self, radiographs):
        return [
            SimpleNamespace(
                probability=r.mean() / 255,
                decision="fracture",
                body_part="hand",
                regions=[BOX],
                region_stands_out=True,
                region_map=MAP,
                scope=None,
            )
            for r in radiographs
        ]


@pytest.fixture
def settings(reproduced, monkeypatch):
    monkeypatch.setattr(bundle, "load", lambda folder: MeanBundle())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", reproduced.store)
    monkeypatch.setenv(fitted_here.VARIABLE, "1")
    with contextlib.chdir(reproduced.folder):
        manifests.write(config.read().paths.manifest)
        yield config.read()


def seal(settings, weights):
    """Write and seal a bundle whose files all hold the same text."""
    settings.paths.models.mkdir(exist_ok=True)
    for name in sealing.FILES:
        (settings.paths.models / name).write_text(weights)
    origin.write(settings.paths.models, origin.Origin(2, 1, phantoms=False))
    sealing.seal(settings.paths.models)
    return settings.paths.models / "bundle.json"


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
    assert version.tags[versions.BUNDLE_TAG] == sealing.check(seal(settings, "b").parent)
    assert version.run_id == reproduced.parents()[0].info.run_id
    assert version.tags["bundle.md5"] == md5(settings.paths.models / "bundle.json")
    assert version.tags["data.md5"] == reproduced.parents()[0].data.tags["data.md5"]


def test_the_champion_is_fetched_where_the_folder_holds_another_bundle(settings, reproduced):
    registration.register(settings, sealed := seal(settings, "a"))
    reproduced.client().set_registered_model_alias(settings.track.model_name, "champion", "1")
    registered = sealing.check(sealed.parent)
    seal(settings, "b")
    with model_choice.opened(settings, None) as found:
        assert found.name == "champion, version 1"
        assert sealing.check(found.folder) == registered
        assert found.record()["learnt_from"] == "2 radiographs"
    assert not found.folder.exists()


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


def test_a_registered_bundle_answers_for_bytes_and_base64(served):
    bright, dark = images.encode_png(SHADES + 55), images.encode_png(SHADES)
    asked = [dark, bright, base64.b64encode(bright).decode()]
    found = served.predict(pd.DataFrame({"image": asked}))
    means = [SHADES.mean() / 255, *[(SHADES + 55).mean() / 255] * 2]
    assert found["probability"].tolist() == pytest.approx(means)
    assert found["decision"].tolist() == ["fracture"] * 3
    assert found["body_part"].tolist() == ["hand"] * 3
    assert found["reason"].tolist() == [""] * 3
    assert json.loads(found["regions"][0]) == [{"bbox": [2, 1, 4, 3], "score": 0.5}]
    assert [note["code"] for note in json.loads(found["notes"][0])] == ["tiny"]
    grey = images.decode(base64.b64decode(found["region_map"][0]), "map").pixels
    assert np.array_equal(grey, np.rint(255 * MAP).astype(np.uint8))


WAYS = {
    "line wraps": lambda data: base64.encodebytes(data).decode(),
    "CRLF and blanks": lambda data: base64.encodebytes(data).decode().replace("\n", " \r\n"),
    "the alphabet for addresses, no padding": lambda data: (
        base64.urlsafe_b64encode(data).decode().rstrip("=")
    ),
    "a data URI": lambda data: "data:image/png;base64," + base64.b64encode(data).decode(),
    "a data URI with escapes": lambda data: "data:image/png;base64," + quote(base64.b64encode(data), safe=""),
}


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(w, marks=pytest.mark.reliability(f"base64 with {w}, sent to a server", "read"))
        for w in WAYS
    ],
)
def test_base64_is_read_however_it_was_written(served, way):
    found = served.predict(pd.DataFrame({"image": [WAYS[way](images.encode_png(SHADES))]}))
    assert found["probability"].tolist() == pytest.approx([SHADES.mean() / 255])


@pytest.mark.reliability(
    "odd pictures sent to a server, among good ones", "refused as `predict` does, one by one"
)
def test_a_row_is_refused_as_predict_refuses_the_file_and_costs_the_others_nothing(served, tmp_path):
    rng = np.random.default_rng(0)
    odd = {
        "1 x 1": images.encode_png(np.zeros((1, 1), np.uint8)),
        "white": images.encode_png(np.full((200, 200), 255, np.uint8)),
        "noise": images.encode_png(rng.integers(0, 256, (300, 200)).astype(np.uint8)),
        "half grey": images.encode_png(
            np.vstack([np.tile(SHADES, (1, 5)), np.full((50, 250), 128, np.uint8)])
        ),
        "text": b"no picture",
        "nothing": b"",
        "cut": images.encode_png(SHADES)[:-100],
    }
    found = served.predict(pd.DataFrame({"image": [*odd.values(), images.encode_png(SHADES), "no base64!"]}))
    for row, data in enumerate(odd.values()):
        (tmp_path / "odd").write_bytes(data)
        fault = intake.read(intake.Item(tmp_path / "odd", MeanBundle.limits))
        seen = found.iloc[row]
        assert (seen["decision"], seen["probability"], seen["reason"]) == ("refused", None, fault.reason)
        assert str(fault).endswith(seen["detail"])
    assert found["reason"].tolist()[-2:] == ["", "not_base64"]
    assert found["probability"].tolist()[-2] == pytest.approx(SHADES.mean() / 255)


@pytest.mark.reliability(
    "a path of the server's disk, sent to it", "refused; nobody learns whether it exists"
)
def test_no_path_is_read_unless_it_lies_below_the_folder_that_is_allowed(served, tmp_path, monkeypatch):
    for folder in ("allowed", "secret"):
        (tmp_path / folder).mkdir()
        images.write(tmp_path / folder / "a.png", SHADES)
    (tmp_path / "allowed/link.png").symlink_to(tmp_path / "secret/a.png")
    asked = [
        "a.png",
        str(tmp_path / "secret/a.png"),
        str(tmp_path / "secret/gone.png"),
        "../secret/a.png",
        "link.png",
    ]
    before = served.predict(pd.DataFrame({"image": asked}))
    assert set(before["decision"]) == {"refused"}
    monkeypatch.setenv("FRACTURE_IMAGES", str(tmp_path / "allowed"))
    found = served.predict(pd.DataFrame({"image": asked}))
    assert found["decision"].tolist() == ["fracture", *["refused"] * 4]
    there, gone = (re.sub("Received.*", "", found["detail"][row]) for row in (1, 2))
    assert (there, found["reason"][1]) == (gone, found["reason"][2])


@pytest.mark.reliability("more pixels in a request than allowed", "what goes beyond is refused, undecoded")
def test_a_request_holds_so_many_pixels(served, monkeypatch):
    monkeypatch.setenv("FRACTURE_MOST_PIXELS", "3000")
    found = served.predict(pd.DataFrame({"image": [images.encode_png(SHADES)] * 3}))
    assert found["reason"].tolist() == ["", "", "too_large"]


@pytest.mark.reliability("a file edited in the artifact store", "not served: its name, and what to do")
@pytest.mark.parametrize("edited", ["code/pipeline/types.py", "artifacts/models/profile.json", "code/new.py"])
def test_a_version_whose_files_were_edited_is_not_fetched(settings, reproduced, tmp_path, edited):
    version = registration.register(settings, seal(settings, "h"))
    store, name = connect(settings.track, Path()), settings.track.model_name
    versions.fetch(store, name, version, tmp_path / "sound")
    source = store.client.get_model_version_download_uri(name, version).removeprefix("file://")
    (Path(source) / edited).write_text("edited")
    with pytest.raises(versions.VersionError, match=f"Received: {edited} is "):
        versions.fetch(store, name, version, tmp_path / "edited")


def test_maps_are_left_out_where_nobody_wants_them(served):
    table = pd.DataFrame({"image": [versions.example()]})
    assert served.predict(table, params={"region_map": False})["region_map"].tolist() == [""]


def test_what_is_seen_is_described_only_where_a_folder_is_named(served, tmp_path, monkeypatch):
    table = pd.DataFrame({"image": [versions.example()] * 2})
    served.predict(table)
    monkeypatch.setenv("FRACTURE_SEEN", str(tmp_path / "seen"))
    served.predict(table)
    profile = served_radiographs.read(tmp_path / "seen")
    assert (profile.files, profile.groups, len(profile.sample["brightness"])) == (2, 1, 1)


@pytest.mark.reliability(
    "a full disk under the record of what a server sees", "the answer comes all the same, with a warning"
)
def test_a_full_disk_costs_the_record_and_not_the_answer(served, tmp_path, monkeypatch, caplog):
    (tmp_path / "seen").write_text("no folder")
    monkeypatch.setenv("FRACTURE_SEEN", str(tmp_path / "seen"))
    assert len(served.predict(pd.DataFrame({"image": [versions.example()]}))) == 1
    assert "what was seen is not noted" in caplog.text


def test_a_version_holds_code_and_no_pickle(served, settings):
    model = Path(mlflow.artifacts.download_artifacts(f"models:/{settings.track.model_name}@challenger"))
    flavor = served.metadata.flavors["python_function"]
    assert flavor["model_code_path"].endswith("serving.py")
    assert [path for path in model.rglob("*") if path.suffix in (".pkl", ".pickle", ".joblib")] == []
    assert served.metadata.signature.inputs.input_names() == ["image"]
    assert served.metadata.signature.outputs.input_names() == [
        "probability", "decision", "body_part", "regions", "region_map", "reason", "detail", "notes", "scope",
        "model", "region_stands_out",
    ]  # fmt: skip
    assert served.input_example["image"].tolist() == [versions.example()]


def test_a_damaged_bundle_is_refused(settings):
    sealed = seal(settings, "d")
    (settings.paths.models / names.CLASSIFIER).write_text("damaged")
    with pytest.raises(sealing.BundleError, match=r"classifier\.keras"):
        registration.register(settings, sealed)
