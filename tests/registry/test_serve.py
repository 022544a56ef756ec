"""The command that serves a version; that it does is tested with the whole pipeline."""

from __future__ import annotations

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

    def run(command, environment):
        calls.append((command, environment))
        return 0

    monkeypatch.setattr(serve, "connect", lambda *_: SimpleNamespace(client=client, uri="http://store"))
    monkeypatch.setattr(serve.processes, "serve", run)
    monkeypatch.setattr(
        serve.versions, "fetch", lambda store, name, version, folder: folder / f"{name}-{version}"
    )
    return calls


def test_the_champion_is_served_to_this_machine_alone(params, called, tmp_path):
    assert serve.run(params, "champion", tmp_path / "seen", tmp_path, ["--workers", "2"]) == 0
    ((command, env),) = called
    assert command[command.index("--model-uri") + 1].endswith(f"/{params.track.model_name}-3")
    assert env["FRACTURE_IMAGES"] == str(tmp_path)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[-2:] == ["--workers", "2"]
    assert (env["MLFLOW_TRACKING_URI"], env["FRACTURE_SEEN"]) == ("http://store", str(tmp_path / "seen"))


def test_nothing_is_recorded_unless_asked(params, called, monkeypatch):
    monkeypatch.delenv("FRACTURE_SEEN", raising=False)
    monkeypatch.delenv("FRACTURE_IMAGES", raising=False)
    serve.run(params, "2", None, None, ["--port=8080"])
    ((command, env),) = called
    assert command[command.index("--model-uri") + 1].endswith("/fracture-2")
    assert "--port" not in command
    assert not {"FRACTURE_SEEN", "FRACTURE_IMAGES"} & set(env)


def test_without_a_champion_it_says_what_to_do(params, called, client):
    client.aliases.clear()
    with pytest.raises(VersionError, match="fracture promote"):
        serve.run(params, "champion", None, None, [])


def test_images_must_be_a_folder(params, called, tmp_path):
    with pytest.raises(ValueError, match="--images must be a folder"):
        serve.run(params, "2", None, tmp_path / "gone", [])
