"""The command that serves a version; that it does is tested with the whole pipeline."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from pipeline.registry import serve
from pipeline.track.models import VersionError


class Client:
    """A registry with one model, of which version 3 is champion."""

    def __init__(self):
        self.aliases = {"champion": "3"}

    def search_registered_models(self, _):
        return [SimpleNamespace(aliases=self.aliases, tags={})]


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def called(monkeypatch, client):
    """Commands that would run, with what they are told."""
    calls = []

    def run(command, env, check):
        calls.append((command, env))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(serve, "connect", lambda *_: SimpleNamespace(client=client, uri="http://store"))
    monkeypatch.setattr(subprocess, "run", run)
    return calls


def test_the_champion_is_served_to_this_machine_alone(params, called, tmp_path):
    assert serve.run(params, "champion", tmp_path / "seen", ["--workers", "2"]) == 0
    ((command, env),) = called
    assert command[command.index("--model-uri") + 1] == f"models:/{params.track.model_name}/3"
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[-2:] == ["--workers", "2"]
    assert (env["MLFLOW_TRACKING_URI"], env["FRACTURE_SEEN"]) == ("http://store", str(tmp_path / "seen"))


def test_nothing_is_recorded_unless_asked(params, called, monkeypatch):
    monkeypatch.delenv("FRACTURE_SEEN", raising=False)
    serve.run(params, "2", None, ["--port=8080"])
    ((command, env),) = called
    assert "models:/fracture/2" in command
    assert "--port" not in command
    assert "FRACTURE_SEEN" not in env


def test_without_a_champion_it_says_what_to_do(params, called, client):
    client.aliases.clear()
    with pytest.raises(VersionError, match="fracture promote"):
        serve.run(params, "champion", None, [])
