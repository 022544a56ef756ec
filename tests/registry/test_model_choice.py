"""Which model answers: the order, what is said of one that cannot, and what each says of itself."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline import config
from pipeline.dataset import released
from pipeline.files import outputs
from pipeline.predict import origin, scope, sealing
from pipeline.registry import ledger, model_choice
from pipeline.registry.ledger import Entry, Model
from pipeline.track.models import VersionError
from pipeline.track.outage import StoreError
from tests.imports import REPOSITORY


def make(folder, *, phantoms=False, told=True):
    """Seal a bundle that says what it learnt from; its other files are none."""
    folder.mkdir(parents=True)
    for name in sealing.FILES:
        (folder / name).write_text(folder.name)
    scope.write(folder / "scope.npz", scope.Scope(np.zeros((1, 2)), np.array([""]), 1.0, phantoms))
    if told:
        origin.write(folder, origin.Origin(1582, 393, phantoms, "FracAtlas"))
    return sealing.seal(folder)["sha256"]


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(released, "SHIPPED", ())
    return tmp_path


@pytest.fixture
def settings(work):
    whole = config.read(REPOSITORY / "params.yaml")
    return whole.model_copy(update={"track": whole.track.model_copy(update={"uri": ""})})


def answering(settings, asked=None):
    with model_choice.opened(settings, asked) as found:
        return found.name


def said(caplog):
    return [record for record in caplog.records if record.name.startswith("pipeline")]


def test_the_current_one_answers_then_the_released_one_then_that_of_phantoms(settings, work):
    make(work / "models", phantoms=True)
    assert answering(settings) == "current"
    make(work / "models/released/fracatlas")
    make(work / "models/released/.17-fracatlas")  # of a release that is being made, or was killed
    assert answering(settings) == "released fracatlas"
    assert answering(settings, "current") == "current"
    make(work / "own")
    own = settings.with_models(work / "own")
    assert answering(own) == "current"
    assert answering(own, "own") == "own"


def test_without_any_it_says_what_to_do(settings):
    told = r"there must be a model\. Received: none in models, and none released\. Run `dvc repro`, or name"
    with pytest.raises(sealing.BundleError, match=told):
        answering(settings)


def test_each_says_what_it_learnt_from(settings, work):
    sha256 = make(work / "models")
    make(work / "drawn", phantoms=True)
    with model_choice.opened(settings, None) as found:
        told = found.record()
    assert told == {
        "name": "current", "sha256": sha256[:12], "learnt_from": "1,582 radiographs of FracAtlas",
    }  # fmt: skip
    assert origin.record(work / "drawn", "x")["learnt_from"] == "phantoms"


@pytest.mark.parametrize("asked", ["champion", "models:/fracture@champion", "models:/fracture/3"])
@pytest.mark.reliability("`--model champion` where no MLflow is", "an error that says what to do")
def test_a_champion_that_is_asked_for_must_be_there(settings, work, asked):
    make(work / "models")
    with pytest.raises(VersionError, match="fracture promote"):
        answering(settings, asked)
    assert not (work / "mlflow.db").exists()


@pytest.mark.parametrize("asked", ["released", "nowhere", "current"])
def test_what_is_not_there_is_named(settings, work, asked):
    with pytest.raises(sealing.BundleError, match=rf"(Received: {asked}|released model|bundle\.json)"):
        answering(settings, asked)


@pytest.mark.reliability("no `mlflow.db`, and a ledger with a champion", "one line; the next model answers")
def test_a_champion_without_its_store_costs_a_line(settings, work, caplog):
    make(work / "models")
    line = Entry(1, "2026-11-23T10:00:00Z", "promote", "a", "", Model("b" * 64, "4"), None, None, "", {})
    ledger.write(settings.paths.ledger, [line])
    assert answering(settings) == "current"
    assert len(said(caplog)) == 1
    assert "version 4 is champion, but no MLflow is here" in caplog.text


@pytest.mark.reliability("MLflow's server is down when `predict` asks it", "one line; the next model answers")
def test_a_dead_server_costs_a_line(settings, work, caplog, monkeypatch):
    make(work / "models")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert answering(settings) == "current"
    assert len(said(caplog)) == 1
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1"):
        answering(settings, "champion")


@pytest.fixture
def registry(monkeypatch):
    """A registry in which version 3 is champion; its bundle's sha256 is to be set."""
    tags = {"bundle.sha256": ""}
    client = SimpleNamespace(
        search_registered_models=lambda _: [SimpleNamespace(aliases={"champion": "3"}, tags={})],
        get_model_version=lambda name, number: SimpleNamespace(tags=tags),
    )
    monkeypatch.setattr(model_choice.stores, "existing", lambda *_: SimpleNamespace(client=client))
    monkeypatch.setattr(model_choice.models, "artifact", lambda model, name: model / name)
    return tags


def test_the_champion_answers_first_and_is_not_fetched_where_it_lies_here(settings, work, registry):
    registry["bundle.sha256"] = make(work / "models")
    assert answering(settings) == answering(settings, "champion") == "champion, version 3"


def test_a_champion_that_is_damaged_passes_the_word_on(settings, work, registry, monkeypatch, caplog):
    make(work / "models")
    monkeypatch.setattr(model_choice.versions, "fetch", lambda store, name, number, kept: kept)
    assert answering(settings) == "current"
    assert "bundle.json is missing" in caplog.text
    with pytest.raises(sealing.BundleError, match="bundle"):
        answering(settings, "champion")


def test_two_released_models_are_refused(settings, work):
    for name in ("a", "b"):
        make(work / "models/released" / name)
    with pytest.raises(sealing.BundleError, match="Received: a, b"):
        answering(settings)


def test_an_older_bundle_says_how_many_radiographs_it_was_made_with(settings, work):
    make(work / "models", told=False)
    outputs.write_text(work / "models/profile.json", '{"files": 440, "groups": 9, "sample": {"x": [1]}}')
    assert origin.read(work / "models").line == "440 radiographs"
    outputs.write_text(work / "models/profile.json", "{}")
    assert origin.read(work / "models").line == "radiographs"


@pytest.mark.parametrize("text", ["{}", "[1]", "no JSON", '{"train": "x", "val": 1}'])
def test_a_damaged_origin_is_refused(settings, work, text):
    make(work / "models")
    (work / "models/origin.json").write_text(text)
    sealing.seal(work / "models")
    with pytest.raises(sealing.BundleError, match="must say what it learnt from"):
        answering(settings)


def test_a_folder_is_opened_without_mlflow_and_tensorflow(work):
    make(work / "own")
    code = (
        "import sys; from pathlib import Path; from pipeline import config\n"
        "from pipeline.registry import model_choice\n"
        f"settings = config.read(Path({str(REPOSITORY / 'params.yaml')!r}))\n"
        "with model_choice.opened(settings, 'own'): pass\n"
        "sys.exit(', '.join({'mlflow', 'tensorflow', 'sqlalchemy', 'dvc'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=work, env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True
    )
    assert done.stderr == b""
