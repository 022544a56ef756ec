"""MLflow's own server behind our guard, as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ci import servers

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
import os, sys
from pipeline.files import processes
command = [sys.executable, "-m", "pipeline.track.guard.launch", "models", "serve", "--model-uri", "model"]
options = ["--env-manager", "local", "--port", sys.argv[1]]
sys.exit(processes.serve(command + options, os.environ, print))
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
