import logging
import socket
from pathlib import Path

import pytest

from pipeline import config
from pipeline.track import ui
from pipeline.track.secrets import without_password

TOP = Path(__file__).parents[2]
URI = "sqlite:////somewhere/mlflow.db"


def option(command, name):
    return command[command.index(name) + 1]


def test_the_store_is_served_to_this_machine_alone(caplog):
    caplog.set_level(logging.INFO)
    command = ui.command(URI, Path("/somewhere"), ["--dev"])
    assert "--backend-store-uri" not in command  # everybody on this machine may read arguments
    assert option(command, "--default-artifact-root") == "file:///somewhere/mlartifacts"
    assert option(command, "--host") == "127.0.0.1"
    assert command[-1] == "--dev"
    assert f"http://127.0.0.1:{option(command, '--port')}" in caplog.text


@pytest.mark.parametrize("options", [["--port", "8080"], ["--port=8080"], ["-p", "8080"]])
def test_the_users_port_is_taken(options):
    command = ui.command(URI, Path("/somewhere"), options)
    assert [part for part in command if part.startswith(("--port", "-p"))] == options[:1]


def test_a_taken_port_is_passed_over():
    with socket.socket() as taken:
        port = ui.free_port()
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert ui.free_port() > port


def test_a_server_has_pages_of_its_own(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")
    assert ui.run(config.read(TOP / "params.yaml"), []) == 0
    assert "http://mlflow.example:5000" in caplog.text


def test_the_address_of_the_headline_table_is_said_as_it_is(baseline, monkeypatch, capsys):
    """Written through what hides secrets, which takes every `...key=` for one."""
    monkeypatch.chdir(baseline.folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    page = ui._table(config.read(), baseline.folder)
    number = baseline.client().get_experiment_by_name("fracture").experiment_id
    table = f"/#/experiments/{number}/runs?viewStateShareKey=headline&workflowType=machine_learning"
    assert page == table
    assert without_password(f"http://127.0.0.1:5000{page}") == f"http://127.0.0.1:5000{table}"


@pytest.mark.parametrize("options", [["--host", "0.0.0.0", "-p", "81"], ["--host=0.0.0.0", "--port=81"]])
def test_what_the_user_chose_stands_in_the_address(options, caplog):
    caplog.set_level(logging.INFO)
    ui.command(URI, Path("/somewhere"), options, "/#/here")
    assert "http://0.0.0.0:81/#/here," in caplog.text
