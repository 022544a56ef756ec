"""Stores that people and disks spoil: a stage completes, and its warning says what mends the store."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from pipeline import config as settings
from pipeline.files import outputs
from pipeline.track import runs, store
from tests.track.conftest import copy

DATABASE = "mlflow.db"


@pytest.fixture
def config(baseline, tmp_path, monkeypatch):
    """Settings of a repository with a database of its own."""
    repository = copy(baseline, tmp_path / "repository")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_STAGE", "evaluate")
    monkeypatch.setattr(store, "_BUSY_S", 1.0)
    with contextlib.chdir(repository.folder):
        yield settings.read()


def warned(config, caplog) -> str:
    """Run a stage, and return its warnings."""
    caplog.clear()
    with runs.stage_run("evaluate", config) as record:
        outputs.write_json(config.paths.report("evaluate") / "metrics.json", {"auroc": 0.75})
        record.metrics({"auroc": 0.75})
    return "\n".join(one.getMessage() for one in caplog.records if one.levelname == "WARNING")


@contextlib.contextmanager
def every_connection(statement):
    """Let SQLite do this first, whoever opens the database."""

    def first(connection, _):
        connection.execute(statement)

    event.listen(Engine, "connect", first)
    try:
        yield
    finally:
        event.remove(Engine, "connect", first)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        pytest.param(
            "PRAGMA max_page_count = 1",
            r"database or disk is full.* Free space on the disk of that database",
            marks=pytest.mark.reliability(
                "a full disk under MLflow's SQLite", "the stage completes, a warning"
            ),
        ),
        pytest.param(
            "PRAGMA query_only = 1",
            r"readonly database.* Make the database's file and folder writable",
            marks=pytest.mark.reliability("a read-only mlflow.db", "the stage completes, a warning"),
        ),
    ],
)
def test_a_database_that_takes_nothing_costs_a_warning(config, caplog, statement, words):
    with every_connection(statement):
        assert re.search(words, warned(config, caplog))
    assert (config.paths.report("evaluate") / "metrics.json").is_file()


@pytest.mark.reliability(40)
def test_a_database_that_stays_locked_costs_a_warning_and_is_repaired(config, caplog):
    impatient = config.model_copy(update={"track": config.track.model_copy(update={"timeout_s": 1})})
    runs.sync(config)  # loads MLflow, which may take longer than the bound
    other = sqlite3.connect(DATABASE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert re.search("timed out after 1 s|database is locked", warned(impatient, caplog))
    other.close()
    runs.sync(config)
    assert runs.sync(config).made == ()


@pytest.mark.reliability("a deleted experiment", "the stage completes; the warning's command restores it")
def test_a_deleted_experiment_is_restored_by_what_the_warning_says(config, caplog):
    opened = store.connect(config.track, store.Path.cwd())
    opened.client.delete_experiment(opened.experiment_id)
    said = warned(config, caplog)
    variable, command = re.search(r"Restore it: (\S+) mlflow (.*?);", said).groups()
    name, address = variable.split("=", 1)
    around = os.environ | {name: address.strip("'")}
    subprocess.run([sys.executable, "-m", "mlflow", *command.split()], env=around, check=True)
    assert warned(config, caplog) == ""


@pytest.mark.reliability("a renamed experiment", "one of the settings' name is made and filled")
def test_a_renamed_experiment_is_made_anew(config, caplog):
    opened = store.connect(config.track, store.Path.cwd())
    opened.client.rename_experiment(opened.experiment_id, "another")
    assert warned(config, caplog) == ""
    assert store.connect(config.track, store.Path.cwd()).experiment_id != opened.experiment_id


@pytest.mark.parametrize("revision", ["451aebb31d03", "fffffffffff0"], ids=["older", "newer"])
@pytest.mark.reliability("mlflow.db of another version of MLflow", "the stage completes; how to upgrade it")
def test_a_database_of_another_version_is_told_of(config, caplog, revision):
    with contextlib.closing(sqlite3.connect(DATABASE)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    said = warned(config, caplog)
    assert "Copy it, then run `mlflow db upgrade`" in said
    assert "install the MLflow that made it" in said
