import logging
import socket
from pathlib import Path

import pytest

from pipeline import config
from pipeline.track import ui

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
