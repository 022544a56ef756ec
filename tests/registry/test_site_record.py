"""A bundle that was fitted to a place is registered with the place's radiographs, and with its base's."""

import contextlib
import shutil

import pandas as pd
import pytest

from pipeline import config
from pipeline.dataset import manifest, names
from pipeline.files import outputs
from pipeline.predict import sealing
from pipeline.registry import candidate, registration, site_record, succession
from pipeline.track import repository
from pipeline.track.store import connect
from tests import manifests

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, as in test_registration


def reseal(settings, folder):
    """Seal a bundle of a place, and let its report name it."""
    sealed = sealing.seal(folder)["sha256"]
    outputs.write_json(settings.paths.report("recalibrate") / "north/metrics.json", {"bundle": sealed})


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
        report = settings.paths.report("recalibrate") / "north"
        outputs.write_text(report / "predictions.csv", f"path,group,sha256\na.png,g,{'e' * 64}\n")
        record = {"site": "north", "base": base, "fitted_by": "labels"}
        record["predictions"] = outputs.sha256(report / "predictions.csv")
        outputs.write_json(folder / "site.json", record)
        reseal(settings, folder)
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


@pytest.mark.reliability("the table that a site is judged by is edited", "neither registered nor promoted")
def test_rows_that_were_changed_since_are_refused(fitted):
    settings, folder = fitted
    rows = settings.paths.report("recalibrate") / "north/predictions.csv"
    outputs.write_text(rows, rows.read_text().replace("e", "f"))
    with pytest.raises(ValueError, match="as it was written"):
        registration.register(settings, folder / "bundle.json")
    rows.unlink()
    with pytest.raises(ValueError, match="as it was written"):
        site_record.read(settings, folder)


def test_a_network_of_its_own_is_refused_though_it_names_the_base(fitted):
    settings, folder = fitted
    outputs.write_text(folder / names.CLASSIFIER, "trained on the place's radiographs")
    reseal(settings, folder)
    with pytest.raises(ValueError, match=r"classifier\.keras must be that of .*fitting a site leaves it"):
        registration.register(settings, folder / "bundle.json")


def test_a_record_that_is_not_under_the_seal_is_refused(fitted):
    settings, folder = fitted
    record = (folder / names.SITE).read_text()
    (folder / names.SITE).unlink()
    reseal(settings, folder)
    outputs.write_text(folder / names.SITE, record)
    with pytest.raises(sealing.BundleError, match="must be under the seal"):
        site_record.read(settings, folder)


def test_what_was_fitted_from_the_release_is_told_how_it_can_be_used(fitted):
    settings, folder = fitted
    for name in (*sealing.FILES, names.BUNDLE):
        (settings.paths.models / name).unlink()
    with pytest.raises(sealing.BundleError, match=r"no model yet.* released .*`--model .*north`"):
        registration.register(settings, folder / "bundle.json")
    with pytest.raises(sealing.BundleError, match=r"models.bundle\.json is missing: there is no model yet"):
        registration.register(settings, settings.paths.models / "bundle.json")


def test_an_unregistered_site_is_told_how_to_register_it(fitted):
    settings, folder = fitted
    line = succession.of(settings)
    with pytest.raises(ValueError, match=r"Run `fracture register --bundle .*north`"):
        candidate.identify(settings.with_models(folder), line, None)
    with pytest.raises(ValueError, match=r"Run `fracture register`\."):
        candidate.identify(settings, line, None)
