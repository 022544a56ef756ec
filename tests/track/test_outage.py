"""What is said when MLflow's store does not answer, or refuses; and what it leaves behind."""

from __future__ import annotations

import dataclasses
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import config as settings
from pipeline.commands import compare, drift, history, promote, rollback
from pipeline.config import Config, Track
from pipeline.registry import ledger, versions
from pipeline.registry.ledger import Entry, Model
from pipeline.registry.succession import Succession
from pipeline.track import models, outage, recorded, store
from pipeline.track.outage import StoreError, explained
from tests.imports import REPOSITORY

ENTRY = Entry(
    1, "2026-11-23T10:00:00Z", "promote", "ada", "first", Model("a" * 64, "1"), None, None, "", {"auroc": 0.9}
)
COMMANDS = {
    "promote": lambda config: promote.run(config, None, dry_run=False, reason="", actor="ada", as_json=False),
    "rollback": lambda config: rollback.run(config, reason="misses wrists", actor="ada"),
    "compare": lambda config: compare.run(config, "version:1", "version:2", None),
    "drift": lambda config: drift.run(config, [], Path("profile.json"), "champion", None, as_json=True),
}


@pytest.fixture
def closed() -> Iterator[str]:
    """The address of a port that nobody listens on, held so that nobody will."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes every question and answers none."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Settings of an empty repository whose ledger has one line."""
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    whole = settings.read(REPOSITORY / "params.yaml")
    ledger.write(whole.paths.ledger, [ENTRY])
    return whole


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> store.Store:
    """One database for all tests: to migrate it takes seconds."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return store.connect(Track(uri="", experiment="e", model_name="m", timeout_s=2), folder)


def at(config: Config, uri: str, timeout_s: float = 60) -> Config:
    return config.model_copy(
        update={"track": config.track.model_copy(update={"uri": uri, "timeout_s": timeout_s})}
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.reliability(
    "`promote`, `rollback`, `compare`, `drift` with a dead server",
    "F with one message and advice; the ledger stays",
)
def test_a_dead_server_is_one_message_and_the_ledger_stays(config, closed, command):
    before = config.paths.ledger.read_bytes()
    with pytest.raises(StoreError) as raised:
        COMMANDS[command](at(config, closed))
    assert str(raised.value) == (
        f"MLflow's store must answer. Received from {closed}, asked for get_experiment_by_name: "
        "[Errno 111] Connection refused. See that it runs, or name another store in MLFLOW_TRACKING_URI or "
        "track.uri; then run the command again."
    )
    assert config.paths.ledger.read_bytes() == before


def test_history_shows_the_file_when_the_server_is_dead(config, closed, capsys, caplog):
    history.run(at(config, closed), as_json=True)
    assert capsys.readouterr().out == f"{ledger.line(ENTRY)}\n"
    assert "this is ledger.jsonl alone: MLflow's store must answer" in caplog.text


def test_a_silent_server_costs_the_bound(config, silent, patience):
    with pytest.raises(StoreError, match="timed out"):
        COMMANDS["promote"](at(config, silent, timeout_s=2))
    assert 0 < sum(patience) <= 2


@pytest.mark.parametrize(
    ("uri", "advice"),
    [
        ("sqlite:///{folder}/text.db", "is no store of MLflow: correct"),
        ("sqlite:///{folder}/older.db", "Another version of MLflow made this database"),
        ("gopher://store", "is no store of MLflow: correct"),
    ],
)
def test_a_wrong_store_is_one_message(config, opened, tmp_path, uri, advice):
    (tmp_path / "text.db").write_text("no database")
    shutil.copy(opened.uri.removeprefix("sqlite:///"), tmp_path / "older.db")
    with sqlite3.connect(tmp_path / "older.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    with pytest.raises(StoreError, match=advice):
        store.connect(at(config, uri.format(folder=tmp_path)).track, tmp_path)


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("failed with error code 401 != 200", "MLFLOW_TRACKING_USERNAME"),
        ("PERMISSION_DENIED: not yours", "MLFLOW_TRACKING_TOKEN"),
        ("failed with error code 404 != 200", "is no store of MLflow"),
        ("too many 500 error responses", "See that it runs"),
    ],
)
def test_each_refusal_has_its_advice(words, advice):
    with pytest.raises(StoreError, match=advice), explained("http://store", "search_runs"):
        raise OSError(words)


def test_a_server_that_dies_within_a_comparison_is_no_missing_file(opened, closed):
    dead = dataclasses.replace(opened, client=store.Client(closed, timeout_s=2), uri=closed)
    run_id = opened.client.create_run(opened.experiment_id, tags={"pipeline.stage": "train"}).info.run_id
    run = opened.client.get_run(run_id)
    with pytest.raises(StoreError, match=r"asked for metrics\.json of train: .* Connection refused"):
        recorded._of_run(dead, "run", run, "")
    assert recorded._of_run(opened, "run", run, "").figures == {}


def test_faults_of_ours_keep_their_traceback():
    with pytest.raises(KeyError), explained("http://store", "search_runs"):
        raise KeyError("a fault of ours")


def test_no_password_is_shown():
    assert outage.without_password("postgresql://ada:secret@host/db") == "postgresql://host/db"
    assert outage.without_password("sqlite:////main/mlflow.db") == "sqlite:////main/mlflow.db"


class Dying:
    """A client whose server is gone once the line of a change is written."""

    def __init__(self, alive: store.Client) -> None:
        self.alive = alive

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name == "set_registered_model_alias":
            with explained("http://store", name):
                raise ConnectionRefusedError(111, "Connection refused")
        return getattr(self.alive, name)


@pytest.mark.reliability("the server dies within a promotion", "the next command finishes it")
@pytest.mark.reliability(39)
def test_a_server_that_dies_within_a_change_leaves_what_the_next_command_finishes(opened, tmp_path):
    path = tmp_path / "ledger.jsonl"
    opened.client.create_registered_model("m")
    opened.client.create_model_version("m", "file:///1", tags={versions.BUNDLE_TAG: "a" * 64})
    dying = dataclasses.replace(opened, client=Dying(opened.client))
    with pytest.raises(StoreError, match="set_registered_model_alias"):
        Succession(dying, "m", path).advance(ENTRY, [])
    answered = Succession(opened, "m", path)
    assert answered.sync() == ledger.read(path) == [ENTRY]
    assert models.registered(opened, "m")[1] == {"champion": "1"}
