"""Pages that the stage `report` makes for the stages before it, with the real DVC and MLflow."""

from __future__ import annotations

import contextlib

import pytest
import yaml

from pipeline import config
from pipeline.track import runs

FILES = ("report.html", "figures/roc.svg")
MADE_BY_EVALUATE = {"metrics.json", "predictions.csv", ".gitignore"}  # the last by DVC


@pytest.fixture
def repository(reproduced, monkeypatch):
    """With a stage more, which makes the page and a figure of `evaluate`."""
    path = reproduced.folder / "dvc.yaml"
    pipeline = yaml.safe_load(path.read_text())
    made = [f"reports/evaluate/{name}" for name in FILES]
    pipeline["stages"]["report"] = {
        "cmd": f"mkdir -p reports/evaluate/figures && touch {' '.join(made)}",
        "deps": ["reports/evaluate/predictions.csv"],
        "outs": made,
    }
    path.write_text(yaml.safe_dump(pipeline, sort_keys=False))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with contextlib.chdir(reproduced.folder):
        yield reproduced


@pytest.fixture
def filled(repository):
    """With runs of its own: those of a copy keep their artifacts where `baseline` has them."""
    repository.lose_the_record()
    repository.sync()
    return repository


def draw(settings):
    """Make the pages, as the stage `report` would."""
    files = [settings.paths.report("evaluate") / name for name in FILES]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text("<svg/>")
    return files


def test_pages_go_to_the_run_of_their_stage_and_its_pictures_into_the_description(filled, monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "dvc.yaml:report")
    settings = config.read()
    with runs.stage_run("report", settings) as record:
        record.pages("evaluate", draw(settings))
    (evaluate,) = filled.children("evaluate")
    assert {"report.html", "figures"} <= filled.artifacts(evaluate)
    figures = filled.client().list_artifacts(evaluate.info.run_id, "figures")
    assert [figure.path for figure in figures] == ["figures/roc.svg"]
    assert "![figures/roc.svg]" in filled.parents()[-1].data.tags["mlflow.note.content"]


def test_pages_made_by_hand_stand_for_nothing(filled):
    settings = config.read()
    with runs.stage_run("report", settings) as record:
        record.pages("evaluate", draw(settings))
    (evaluate,) = filled.children("evaluate")
    assert filled.artifacts(evaluate) == MADE_BY_EVALUATE


def test_a_stage_leaves_out_pages_of_an_earlier_state(repository):
    settings = config.read()
    draw(settings)
    with runs.stage_run("evaluate", settings):
        pass
    assert repository.artifacts(repository.children("evaluate")[-1]) == MADE_BY_EVALUATE


@pytest.mark.parametrize(("changed", "pages"), [(False, {"report.html", "figures"}), (True, set())])
def test_a_run_filled_in_later_gets_the_pages_that_dvc_vouches_for(repository, changed, pages):
    repository.repro()
    if changed:
        draw(config.read())
    repository.lose_the_record()
    assert repository.sync().made == ("validate", "train", "evaluate")
    (evaluate,) = repository.children("evaluate")
    assert repository.artifacts(evaluate) == MADE_BY_EVALUATE | pages


def test_a_run_that_was_there_gets_the_pages_that_were_not_recorded(filled):
    filled.repro("report")  # its command tells MLflow nothing, as where the server does not answer
    assert filled.sync().made == ()
    (evaluate,) = filled.children("evaluate")
    assert filled.artifacts(evaluate) == MADE_BY_EVALUATE | {"report.html", "figures"}
