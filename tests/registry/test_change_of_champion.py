"""Register, promote, refuse, roll back: the commands, with the real DVC and the real registry.

What the networks would say is invented: none is loaded, here or by MLflow.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline import config as settings
from pipeline.commands import history, promote, rollback
from pipeline.dataset import manifest
from pipeline.files.outputs import sha256, write_json, write_text
from pipeline.predict import sealing
from pipeline.registry import ledger, registration, succession, versions
from pipeline.track import models
from pipeline.track.outage import StoreError
from tests.results import make, scores
from tests.track.conftest import make_repository

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, as in test_registry


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A repository in which nothing ran yet: `make` leaves behind what a run would."""
    repository = make_repository(tmp_path_factory.mktemp("champions"))
    repository.set("promote", min_groups=10)
    return repository.folder


@pytest.fixture
def config(folder, monkeypatch, request):
    """Settings of the repository; each test has a registered model and a ledger of its own."""
    monkeypatch.setattr(models, "log_version", keep)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with contextlib.chdir(folder):
        whole, name = settings.read(), request.node.name
        track = whole.track.model_copy(update={"model_name": name})
        paths = whole.paths.model_copy(update={"ledger": folder / f"{name}.jsonl"})
        yield whole.model_copy(update={"track": track, "paths": paths})


def keep(store, name, run_id, artifacts, tags, **_) -> str:
    """Keep a version as MLflow does, without the seconds in which it tries the model."""
    folder = Path("kept", name, tags[versions.BUNDLE_TAG]).absolute()
    shutil.copytree(artifacts[versions.BUNDLE], folder / "models")
    shutil.copy(artifacts[versions.LEARNT], folder / "learnt.csv")
    paths = {versions.BUNDLE: {"path": "models"}, versions.LEARNT: {"path": "learnt.csv"}}
    flavor = {"loader_module": "mlflow.pyfunc.model", "artifacts": paths}
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": {"python_function": flavor}}))
    with contextlib.suppress(StoreError):  # it is there from the second version on
        store.client.create_registered_model(name)
    return str(store.client.create_model_version(name, folder.as_uri(), tags=tags).version)


def register(config: settings.Config) -> str:
    return registration.register(config, config.paths.models / "bundle.json")


def run(config: settings.Config, **options) -> int:
    usual = {"version": None, "dry_run": False, "reason": "", "actor": "ada", "as_json": False}
    return promote.run(config, **(usual | options))


def standing(config: settings.Config) -> dict[str, str]:
    return models.registered(succession.of(config).store, config.track.model_name)[1]


@pytest.fixture
def asked(monkeypatch):
    """Let every champion say what one of that noise would, and keep what it was asked."""
    questions: list[list[str]] = []

    def answers(noise: float):
        def score(model, radiographs, folder):
            questions.append(list(radiographs))
            if len(radiographs) == 1:
                return np.array([0.5])
            truth = [int(path.removesuffix(".png")[-3:]) % 2 == 0 for path in radiographs]
            return scores(noise, pd.DataFrame({"fractured": truth}))

        monkeypatch.setattr(versions, "score", score)
        return questions

    return answers


def test_from_the_first_champion_to_a_rollback(config, asked, capsys):
    questions = asked(noise=0.2)
    make(config, "first", noise=0.2)
    with pytest.raises(ValueError, match="Run `fracture register`"):
        run(config)
    register(config)
    assert run(config, dry_run=True) == 0
    assert ledger.read(config.paths.ledger) == []
    assert run(config) == 0
    assert questions == []  # there was nobody to ask
    capsys.readouterr()
    assert run(config, as_json=True) == 0  # champion already
    told = json.loads(capsys.readouterr().out)
    assert (told["candidate"], told["champion"], told["promoted"]) == ("1", "1", True)
    assert len(ledger.read(config.paths.ledger)) == 1

    make(config, "worse", noise=0.6)
    register(config)
    assert run(config) == promote.REFUSED
    assert standing(config)["champion"] == "1"
    gate = (config.paths.report("promote") / "gate.md").read_text()
    assert gate.startswith("# Version 2 is refused: ")
    assert "| non-inferiority | FAILED |" in gate

    make(config, "better", noise=0.15)
    register(config)
    assert run(config, version="3") == 0
    assert standing(config) == {"challenger": "3", "champion": "3", "previous": "1"}
    assert [path.rsplit("/", 2)[-2:] for path in questions[-1][:2]] == [
        ["test", "060.png"],
        ["test", "061.png"],
    ]

    rollback.run(config, reason="misses wrists", actor="grace")
    assert standing(config) == {"challenger": "3", "champion": "1"}
    assert run(config) == promote.REFUSED  # a schedule must not bring it back
    assert "Rolled back before: misses wrists" in (config.paths.report("promote") / "gate.md").read_text()
    assert run(config, reason="wrists were mislabelled") == 0
    rollback.run(config, reason="they were not", actor=None)
    with pytest.raises(ledger.LedgerError, match="needs an earlier champion"):
        rollback.run(config, reason="again", actor=None)

    capsys.readouterr()
    history.run(config, as_json=True)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["action"], line["champion"]["version"]) for line in told] == [
        ("promote", "1"), ("promote", "3"), ("rollback", "1"), ("promote", "3"), ("rollback", "1")
    ]  # fmt: skip
    assert [line["actor"] for line in told[:3]] == ["ada", "ada", "grace"]
    assert told[1]["figures"]["leakage"] == 0


def test_what_the_folder_cannot_vouch_for_is_refused(config, asked):
    asked(noise=0.2)
    make(config, "first", noise=0.2, weight=float("nan"))
    register(config)
    report = config.paths.report("evaluate") / "metrics.json"
    report.write_text(report.read_text().replace("0.04", "0.01"))
    assert run(config, dry_run=True) == promote.REFUSED
    gate = (config.paths.report("promote") / "gate.md").read_text()
    assert gate.startswith("# Version 1 is refused: validated record, finite weights\n")
    with pytest.raises(ValueError, match="holds version 1"):
        run(config, version="7")


def test_radiographs_that_the_champion_learnt_from_are_left_out(config, asked):
    asked(noise=0.2)
    make(config, "first", noise=0.2)
    register(config)
    run(config)
    make(config, "second", noise=0.2, splits=(20, 20, 80))  # of the new test set, 20 were train or val before
    register(config)
    assert run(config) == 0
    (memory,) = (row for row in gate_rows(config) if row[0] == "champion's memory")
    assert memory[1:3] == ["passed", "20"]


def fit_site(config, name, fitted_by="labels", learnt=()) -> Path:
    """Leave behind what `recalibrate` would, for sixty radiographs of a place."""
    folder = shutil.copytree(config.paths.models, config.paths.sites / name)
    radiographs = folder.with_name(f"{name}-radiographs")
    for row in range(60):
        write_text(radiographs / f"{row:03d}.png", f"{name} {row}")
    rows = pd.DataFrame(
        {"path": [f"{row:03d}.png" for row in range(60)], "fractured": np.arange(60) % 2 == 0}
    )
    y_score = scores(0.15, rows)
    rows = rows.assign(
        group=[f"s{row}" for row in range(60)],
        sha256=[*learnt, *(sha256(path) for path in sorted(radiographs.iterdir())[len(learnt) :])],
        y_score=y_score,
        decision=np.where(y_score > 0.4, "fracture", "no finding"),
    )
    report = config.paths.report("recalibrate") / name
    write_text(report / "predictions.csv", rows.to_csv(index=False))
    after = {"ece": 0.02, "high_sensitivity": {"guaranteed_sensitivity": 0.91}}
    record = {"site": name, "base": sealing.check(config.paths.models), "fitted_by": fitted_by}
    record |= {"auroc": 0.97, "after": after, "predictions": sha256(report / "predictions.csv")}
    write_json(folder / "site.json", record)
    write_json(report / "metrics.json", record | {"bundle": sealing.seal(folder)["sha256"]})
    return folder


def test_a_fitted_site_is_judged_on_its_own_radiographs(config, asked):
    questions = asked(noise=0.2)
    make(config, "first", noise=0.2)
    register(config)
    run(config)
    site = fit_site(config, "north")
    registration.register(config, site / "bundle.json")
    with pytest.raises(ValueError, match="--radiographs must name the folder"):
        run(config, fitted=site)
    radiographs = site.with_name("north-radiographs")
    assert run(config, fitted=site, radiographs=radiographs) == 0
    (guaranteed,) = (row for row in gate_rows(config) if row[0] == "guaranteed sensitivity")
    gate = (config.paths.report("promote") / "gate.md").read_text()
    assert "Asked on 60 radiographs of north in 60 groups." in gate
    assert "| On the radiographs of north. |" in gate
    assert guaranteed[2] == "0.910"  # by the thresholds of the place, not by that of its network's home
    assert questions[-1][:1] == [str((radiographs / "000.png").absolute())]
    assert standing(config)["champion"] == "2"
    assert run(config, fitted=site, radiographs=radiographs) == 0  # champion already
    estimate = fit_site(config, "south", fitted_by="estimate")
    registration.register(config, estimate / "bundle.json")
    with pytest.raises(ValueError, match="must be judged by labels"):
        run(config, fitted=estimate, radiographs=estimate.with_name("south-radiographs"))


def test_a_site_whose_radiographs_the_network_learnt_from_is_refused(config, asked):
    asked(noise=0.2)
    make(config, "first", noise=0.2)
    files = manifest.read(config.paths.manifest)
    site = fit_site(config, "west", learnt=manifest.rows(files, "train")["sha256"][:2])
    registration.register(config, site / "bundle.json")
    assert run(config, fitted=site) == promote.REFUSED
    (leakage,) = (row for row in gate_rows(config) if row[0] == "leakage")
    assert leakage[1:3] == ["FAILED", "2"]


@pytest.mark.reliability(
    "`promote --radiographs` names other files of the same names", "refused; the champion is not asked"
)
def test_the_champion_examines_the_radiographs_that_the_site_was_fitted_to(config, asked):
    questions = asked(noise=0.2)
    make(config, "first", noise=0.2)
    register(config)
    run(config)
    site = fit_site(config, "east")
    registration.register(config, site / "bundle.json")
    write_text(site.with_name("east-radiographs") / "059.png", "spoilt")
    with pytest.raises(ValueError, match=r"unchanged since.* where 059\.png is missing or another file"):
        run(config, fitted=site, radiographs=site.with_name("east-radiographs"))
    assert questions == []
    assert standing(config)["champion"] == "1"


def test_a_network_that_was_rolled_back_does_not_return_as_a_site(config, asked):
    asked(noise=0.2)
    for name, noise in (("first", 0.2), ("second", 0.15)):
        make(config, name, noise=noise)
        register(config)
        run(config)
    rollback.run(config, reason="misses wrists", actor=None)
    site = fit_site(config, "centre")
    registration.register(config, site / "bundle.json")
    options = {"fitted": site, "radiographs": site.with_name("centre-radiographs")}
    assert run(config, **options) == promote.REFUSED
    (row,) = (row for row in gate_rows(config) if row[0] == "not withdrawn")
    assert "Rolled back before: misses wrists" in row[-1]
    assert run(config, **options, reason="wrists were mislabelled") == 0


def test_a_site_that_comes_back_with_a_withdrawn_network_is_warned_of(config, asked, caplog):
    asked(noise=0.2)
    make(config, "first", noise=0.2)
    register(config)
    site = fit_site(config, "harbour")
    registration.register(config, site / "bundle.json")
    assert run(config, fitted=site) == 0
    assert run(config) == 0
    rollback.run(config, reason="misses wrists", actor=None)
    assert standing(config)["champion"] == "2"
    assert "version 2, fitted to harbour, has the network of a version that was rolled back: misses" in (
        caplog.text
    )


def test_a_fitted_bundle_is_not_judged_by_the_reports_of_its_network_s_home(config, asked):
    asked(noise=0.2)
    make(config, "first", noise=0.2)
    site = fit_site(config, "island", fitted_by="estimate")
    registration.register(config, site / "bundle.json")
    shutil.copytree(site, config.paths.models, dirs_exist_ok=True)
    try:
        with pytest.raises(ValueError, match="Received: one that was fitted to island"):
            run(config)
    finally:
        (config.paths.models / "site.json").unlink()


@pytest.mark.reliability("label columns named y_score and decision", "judged as subgroups, and no KeyError")
def test_a_label_may_bear_the_name_of_a_prediction(config, asked):
    asked(noise=0.2)
    policy = config.promote.model_copy(
        update={"subgroups": ["y_score", "decision"], "min_subgroup_groups": 1}
    )
    config = config.model_copy(update={"promote": policy})
    make(config, "first", noise=0.2)
    register(config)
    files = pd.read_csv(config.paths.manifest)
    files.assign(y_score="wrist", decision="hand").to_csv(config.paths.manifest, index=False)
    run(config, dry_run=True)
    names = {row[0] for row in gate_rows(config)}
    assert {"sensitivity, y_score wrist", "sensitivity, decision hand"} <= names


@pytest.mark.reliability("a deleted run under a registered version", "promoted all the same, a warning")
def test_a_run_that_was_deleted_costs_a_warning(config, asked, monkeypatch, caplog):
    asked(noise=0.2)
    make(config, "first", noise=0.2)
    register(config)
    store = succession.of(config).store
    run_id = store.client.create_run(store.experiment_id).info.run_id
    store.client.delete_run(run_id)
    version = SimpleNamespace(run_id=run_id)
    monkeypatch.setattr(store.client.raw.__class__, "get_model_version", lambda *_, **__: version)
    assert run(config) == 0
    assert standing(config)["champion"] == "1"


def gate_rows(config: settings.Config) -> list[list[str]]:
    lines = (config.paths.report("promote") / "gate.md").read_text().splitlines()
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
