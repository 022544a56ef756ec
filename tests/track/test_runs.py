"""A stage's record where MLflow is absent or dies."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pipeline import config
from pipeline.track import projection, runs
from pipeline.track.runs import StageRecord

TOP = Path(__file__).parents[2]


@pytest.fixture
def settings():
    return config.read(TOP / "params.yaml")


class DyingStore:
    """A store whose server is gone; it counts how often it was asked."""

    def __init__(self):
        self.asked = 0

    def log(self, *_, **__):
        self.asked += 1
        raise ConnectionError("gone")


def dying_record():
    dead = DyingStore()
    return StageRecord("train", runs.OpenRun(dead, None, "parent", "child", {})), dead


def test_outside_a_pipeline_a_stage_runs_untracked(tmp_path, monkeypatch, settings, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)
    with runs.stage_run("train", settings) as record:
        record.metrics({"auroc": 0.5})
        record.curve({"loss": 1.0}, step=1)
    assert "train is not tracked" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_an_exception_of_the_stage_goes_on(tmp_path, monkeypatch, settings):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="out of films"), runs.stage_run("train", settings):
        raise ValueError("out of films")


@pytest.mark.reliability(39)
def test_a_server_that_dies_is_not_asked_again(caplog):
    record, dead = dying_record()
    record.curve({"loss": 1.0}, step=1)
    record.curve({"loss": 0.5}, step=2)
    assert dead.asked == 1
    assert "fracture sync" in caplog.text


def test_figures_are_flat_finite_numbers():
    values = {
        "val": {"auroc": 0.5, "n": 3, "low": None},
        "loss": float("nan"),
        "gap": float("-inf"),
        "name": "x",
    }
    assert projection.finite(values) == {"val.auroc": 0.5, "val.n": 3.0}


def test_of_two_figures_under_one_name_the_later_stands():
    record = StageRecord("train")
    record.metrics({"val": {"auroc": 0.5}})
    record.metrics({"val.auroc": 0.75, "epochs": 3})
    assert record._figures == {"val.auroc": 0.75, "epochs": 3}
