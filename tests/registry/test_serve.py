"""The command that serves a version; that it does is tested with the whole pipeline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from ci import servers
from pipeline.predict import fitted_here, sealing
from pipeline.registry import model_choice, serve
from pipeline.track import models
from pipeline.track.models import VersionError
from tests.registry.test_model_choice import make


class Client:
    """A registry with one model, of which version 3 is champion."""

    def __init__(self):
        self.aliases = {"champion": "3"}

    def search_registered_models(self, _):
        return [SimpleNamespace(aliases=self.aliases, tags={})]

    def get_model_version(self, name, number):
        return SimpleNamespace(tags={})


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def called(monkeypatch, client):
    """Commands that would run, with what they are told."""
    calls = []

    def run(command, environment, say):
        calls.append((command, environment))
        return 0

    store = SimpleNamespace(client=client, uri="http://store")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    monkeypatch.setattr(model_choice.stores, "existing", lambda *_: store)
    monkeypatch.setattr(serve, "relay", run)
    monkeypatch.setattr(serve.models, "artifact", lambda model, name: model / name)
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
    assert env["FRACTURE_MODEL"] == "champion, version 3"


def test_the_server_is_told_whether_thresholds_are_known_to_hold_here(params, called, monkeypatch, caplog):
    monkeypatch.delenv(fitted_here.VARIABLE, raising=False)
    monkeypatch.setattr(fitted_here, "is_known", lambda config, folder: False)
    serve.run(params, "models:/fracture/2", None, None, [])
    assert fitted_here.NOTE.detail in caplog.text
    monkeypatch.setattr(fitted_here, "is_known", lambda config, folder: folder.name == "bundle")
    serve.run(params, "models:/fracture/2", None, None, [])
    assert [environment.get(fitted_here.VARIABLE) for _, environment in called] == [None, "1"]


def test_nothing_is_recorded_unless_asked(params, called, monkeypatch):
    monkeypatch.delenv("FRACTURE_SEEN", raising=False)
    monkeypatch.delenv("FRACTURE_IMAGES", raising=False)
    serve.run(params, "models:/fracture/2", None, None, ["--port=8080"])
    ((command, env),) = called
    assert command[command.index("--model-uri") + 1].endswith("/fracture-2")
    assert "--port" not in command
    assert not {"FRACTURE_SEEN", "FRACTURE_IMAGES"} & set(env)


def test_without_a_champion_it_says_what_to_do(params, called, client):
    client.aliases.clear()
    with pytest.raises(VersionError, match="fracture promote"):
        serve.run(params, "champion", None, None, [])


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_a_bundle_is_served_without_a_registry(params, tmp_path, monkeypatch):
    made, seen = make(tmp_path / "own"), []

    def relay(command, environment, say):
        saved = Path(command[command.index("--model-uri") + 1])
        seen.append((sealing.check(models.artifact(saved, "bundle")), environment["FRACTURE_MODEL"]))
        return 0

    monkeypatch.setattr(serve, "relay", relay)
    monkeypatch.chdir(tmp_path)
    assert serve.run(params, "own", None, None, []) == 0
    assert seen == [(made, "own")]


def test_images_must_be_a_folder(params, called, tmp_path):
    with pytest.raises(ValueError, match="--images must be a folder"):
        serve.run(params, "models:/fracture/2", None, tmp_path / "gone", [])


OLDER = """
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Model(PythonModel):
    def predict(self, context, model_input, params=None):
        kinds = [type(image).__name__ for image in model_input["image"]]
        return pd.DataFrame({"probability": 0.5, "decision": kinds})

set_model(Model())
"""
OURS = """
import sys
from pathlib import Path
from pipeline.files import processes
from pipeline.registry import serve
around = serve.environment("sqlite:///store.db", None, None)
sys.exit(processes.serve(serve.command("m", Path("model"), ["--port", sys.argv[1]]), around, print))
"""


@pytest.mark.filterwarnings("ignore")  # MLflow's own
@pytest.mark.reliability(
    "a client of the real server: a path, a bad row, a large body, a termination signal", "held"
)
def test_the_real_server_holds_its_limits_and_ends_when_told_to(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    (tmp_path / "served.py").write_text(OLDER)
    mlflow.pyfunc.save_model(
        tmp_path / "model", python_model=str(tmp_path / "served.py"), pip_requirements=["mlflow"]
    )
    address = f"http://127.0.0.1:{(port := servers.free_port())}"
    around = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "FRACTURE_MOST_BYTES": "1000"}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", OURS, str(port)], cwd=tmp_path, env=around, stdout=log, stderr=log
        )
        try:
            servers.wait(f"{address}/ping", server)
            found = ask(address, ["aGVsbG8=", str(tmp_path / "served.py")])
            assert [row["decision"] for row in found["predictions"]] == ["bytes", "refused"]
            with pytest.raises(urllib.error.HTTPError, match="413"):
                ask(address, ["a" * 2000])
            server.terminate()
            assert server.wait(30) == 143
        finally:
            servers.end(server)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{address}/ping", timeout=5)


def ask(address, sent):
    body = json.dumps({"dataframe_records": [{"image": image} for image in sent]}).encode()
    asked = urllib.request.Request(f"{address}/invocations", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)
