"""A bundle that was fitted to a place is registered with the place's radiographs, and with its base's."""

import contextlib
import shutil

import pandas as pd
import pytest

from pipeline import config
from pipeline.dataset import manifest
from pipeline.files import outputs
from pipeline.predict import sealing
from pipeline.registry import registration, site_record
from pipeline.track import repository
from pipeline.track.store import connect
from tests import manifests

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, as in test_registration


@pytest.fixture
def fitted(reproduced, monkeypatch):
    """Settings, and the folder of a bundle fitted to a place."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", reproduced.store)
    with contextlib.chdir(reproduced.folder):
        settings = config.read()
        manifests.write(settings.paths.manifest)
        for name in sealing.FILES:
            outputs.write_text(settings.paths.models / name, "base")
        base = sealing.seal(settings.paths.models)["sha256"]
        folder = shutil.copytree(settings.paths.models, settings.paths.sites / "north")
        outputs.write_json(folder / "site.json", {"site": "north", "base": base, "fitted_by": "labels"})
        sealed = sealing.seal(folder)["sha256"]
        report = settings.paths.report("recalibrate") / "north"
        outputs.write_json(report / "metrics.json", {"bundle": sealed})
        outputs.write_text(report / "predictions.csv", f"path,group,sha256\na.png,g,{'e' * 64}\n")
        yield settings, folder
        shutil.rmtree(settings.paths.sites)


def test_it_is_registered_with_the_place_s_radiographs_among_what_it_learnt(fitted):
    settings, folder = fitted
    version = registration.register(settings, folder / "bundle.json")
    assert registration.register(settings, folder / "bundle.json") == version
    client = connect(settings.track, repository.root()).client
    found = client.get_model_version(settings.track.model_name, version)
    assert found.tags["site.name"] == "north"
    assert found.tags["site.base"] == sealing.check(settings.paths.models)
    assert found.description.startswith("Fitted to north, from labels: 1 radiographs.")
    files = manifest.read(settings.paths.manifest)
    learnt = site_record.learnt(files, site_record.read(settings, folder))
    assert set(learnt["sha256"]) == set(manifest.rows(files, ("train", "val"))["sha256"]) | {"e" * 64}
    assert isinstance(learnt, pd.DataFrame)


def test_without_its_report_or_its_base_it_is_refused(fitted):
    settings, folder = fitted
    outputs.write_json(settings.paths.report("recalibrate") / "north/metrics.json", {"bundle": "other"})
    with pytest.raises(ValueError, match="must be the report of"):
        registration.register(settings, folder / "bundle.json")
    outputs.write_text(settings.paths.models / sealing.FILES[0], "retrained")
    sealing.seal(settings.paths.models)
    with pytest.raises(ValueError, match="whose manifest says what it learnt from"):
        registration.register(settings, folder / "bundle.json")
