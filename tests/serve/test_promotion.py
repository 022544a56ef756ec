"""A promotion in a real registry, while clients ask."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from mlflow import MlflowClient

from pipeline import config as settings
from pipeline.files import images
from pipeline.predict import bundle_files, sealing
from pipeline.predict.calibration import Calibration
from pipeline.predict.operating_points import OperatingPoints
from pipeline.registry import loading, registration
from pipeline.serve import app as apps
from pipeline.serve import following
from tests import manifests
from tests.commands.conftest import radiograph
from tests.serve.conftest import HERE, TestClient
from tests.track.conftest import baseline, reproduced

__all__ = ["baseline", "reproduced"]


@pytest.fixture
def registered(reproduced, models, monkeypatch):
    """Two versions of a small bundle, the first of them champion, and the settings of their repository."""
    monkeypatch.chdir(reproduced.folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", reproduced.store)
    found = settings.read()
    manifests.write(found.paths.manifest)
    for name, threshold in (("a", 0.0), ("b", 1.0)):
        folder = reproduced.folder / name
        shutil.copytree(models, folder)
        points = OperatingPoints(threshold, 1.0)
        bundle_files.write_operating_points(folder / "operating_points.json", points, Calibration(1.0))
        sealing.seal(folder)
        registration.register(found, folder / "bundle.json")
    MlflowClient().set_registered_model_alias("fracture", "champion", "1")
    quiet = {"canary_s": 0, "follow_s": 0.2, "rate_per_s": 1e6, "burst": 10**6}
    run = found.run.model_copy(update={"workers": 1})
    return found.model_copy(update={"serve": found.serve.model_copy(update=quiet), "run": run})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # MLflow's own
@pytest.mark.reliability(
    "a promotion while clients ask `fracture serve`", "no request fails; answers change version"
)
def test_no_request_fails_while_the_champion_changes(registered):
    loaded, answers, over = loading.load_with_card(registered, None), [], threading.Event()
    later = following.Follower(registered, "champion").later
    app = apps.create(registered, loaded.bundle, loaded.told, later=later)
    data = images.encode_png(radiograph(1))

    def ask(client):
        while not over.is_set():
            answers.append(client.post("/predict", content=data, headers={"Content-Type": "image/png"}))

    with TestClient(app, base_url=HERE) as client, ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask, client) for _ in range(4)]
        time.sleep(1)
        MlflowClient().set_registered_model_alias("fracture", "champion", "2")
        until = time.monotonic() + 120
        while app.state.service.model.told["name"] == loaded.told["name"] and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(1)
        over.set()
        for each in asking:
            each.result()
    assert {answer.status_code for answer in answers} == {200}
    told = [(answer.json()["model"]["name"], answer.json()["results"][0]["decision"]) for answer in answers]
    expected = [("champion, version 1", "needs review"), ("champion, version 2", "no finding")]
    assert sorted(set(told)) == expected
