import shutil

import pytest

from pipeline import addresses
from pipeline import config as settings
from pipeline.files import outputs
from pipeline.predict import fitted_here
from tests.imports import REPOSITORY


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A working folder with a bundle, and nothing else."""
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    outputs.write_text(tmp_path / "models/profile.json", "of train")
    seal(tmp_path / "models", {"profile.json": outputs.sha256(tmp_path / "models/profile.json")})
    return settings.read()


def seal(folder, files):
    outputs.write_json(folder / "bundle.json", {"sha256": "b" * 64, "files": files})


def codes(config):
    return [note.code for note in fitted_here.notes(config, config.paths.models)]


def test_a_bundle_from_elsewhere_is_strange(config):
    assert codes(config) == ["thresholds_not_fitted_here"]
    report = config.paths.report("assess") / "x/metrics.json"
    for other in (
        {"bundle": "c" * 64, "thresholds_hold": True},
        {"bundle": "b" * 64, "thresholds_hold": False},
    ):
        outputs.write_json(report, other)
        assert codes(config) == ["thresholds_not_fitted_here"]
    report.write_text("[torn")
    assert codes(config) == ["thresholds_not_fitted_here"]


def test_what_assess_has_shown_or_recalibrate_has_fitted_is_known(config):
    report = config.paths.report("assess") / "x/metrics.json"
    outputs.write_json(report, {"bundle": "b" * 64, "thresholds_hold": True})
    assert codes(config) == []
    report.unlink()
    outputs.write_json(config.paths.report("recalibrate") / "x/metrics.json", {"bundle": "b" * 64})
    assert codes(config) == []


def test_what_was_made_of_the_data_here_is_known_unless_fitted_to_another_place(config):
    shutil.copytree(config.paths.models, config.paths.report("validate"))
    (config.data.root / "train").mkdir(parents=True)
    assert codes(config) == ["thresholds_not_fitted_here"]
    outputs.write_text(config.paths.manifest, "")
    assert codes(config) == []
    profile = {"profile.json": outputs.sha256(config.paths.models / "profile.json")}
    seal(config.paths.models, profile | {"site.json": "d" * 64})
    assert codes(config) == ["thresholds_not_fitted_here"]


def test_what_was_made_of_data_at_an_address_is_known(config, tmp_path):
    shutil.copytree(config.paths.models, config.paths.report("validate"))
    outputs.write_text(config.paths.manifest, "")
    assert codes(config) == ["thresholds_not_fitted_here"]
    there = config.data.model_copy(update={"root": addresses.folder("s3://bucket/folder", tmp_path)})
    assert codes(config.model_copy(update={"data": there})) == []


def test_a_server_says_it_unless_told(monkeypatch):
    monkeypatch.delenv(fitted_here.VARIABLE, raising=False)
    assert fitted_here.served_notes() == (fitted_here.NOTE,)
    monkeypatch.setenv(fitted_here.VARIABLE, "1")
    assert fitted_here.served_notes() == ()
