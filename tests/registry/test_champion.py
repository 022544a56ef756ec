"""The champion's data, and the drift that `validate` logs against them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline import config
from pipeline.dataset import profile
from pipeline.predict import bundle, sealing
from pipeline.registry import champion, registration
from pipeline.track import runs
from pipeline.track.models import VersionError
from pipeline.track.store import connect
from tests import manifests

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, as in test_registry

CLOSED_PORT = "http://127.0.0.1:1"


def describe(path, level, n=30):
    """Write the profile of even radiographs, each a little brighter than the one before."""
    rows = {
        "group": [f"g{row}" for row in range(n)],
        "sha256": [f"{row:03d}" for row in range(n)],
        "n_bytes": 4000, "format": "PNG", "mode": "L", "height_px": 100, "width_px": 80,
    }  # fmt: skip
    thumbnails = [np.full((64, 64), level + row, np.uint8) for row in range(n)]
    profile.write(profile.build(pd.DataFrame(rows), thumbnails), path)
    return path


@pytest.fixture
def settings(reproduced, monkeypatch):
    """A registered champion that learnt from dark radiographs."""
    monkeypatch.setattr(bundle, "load", lambda folder: SimpleNamespace(predict=lambda radiographs: []))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with contextlib.chdir(reproduced.folder):
        found = config.read()
        manifests.write(found.paths.manifest)
        found.paths.models.mkdir(exist_ok=True)
        for name in sealing.FILES:
            (found.paths.models / name).write_text("stand-in")
        describe(found.paths.models / "profile.json", level=40)
        sealing.seal(found.paths.models)
        yield found


@pytest.fixture
def crowned(settings, reproduced):
    version = registration.register(settings, settings.paths.models / "bundle.json")
    reproduced.client().set_registered_model_alias(settings.track.model_name, "champion", version)
    return settings


def validate(settings, level):
    """Run a stage by hand that describes its data, as `validate` does."""
    with runs.stage_run("validate", settings) as record:
        described = describe(settings.paths.report("validate") / "profile.json", level)
        record.at_end(lambda run: champion.log_drift(settings, run.store, run.run_id, described))


def test_the_champion_brings_the_profile_of_its_data(crowned, reproduced):
    store = connect(crowned.track, reproduced.folder)
    version, found = champion.find(store, crowned.track.model_name)
    assert version == "1"
    assert found.sample["brightness"].tolist() == list(range(40, 70))


@pytest.mark.parametrize(("level", "score", "detected"), [(40, 0, 0), (60, 2 / 3, 1)])
def test_validated_data_are_compared_with_the_champions(crowned, reproduced, level, score, detected):
    validate(crowned, level)
    run = reproduced.children("validate")[-1]
    assert run.info.status == "FINISHED"
    assert run.data.tags["drift.against"] == "1"
    assert run.data.metrics["drift.detected"] == detected
    assert run.data.metrics["drift.score"] == pytest.approx(score, abs=0.05)
    assert run.data.metrics["drift.height_px"] == 0


@pytest.mark.parametrize("resealed", [False, True])
@pytest.mark.reliability("an edited profile in MLflow's artifact store", "`drift` refuses it and names it")
def test_a_profile_that_was_edited_is_refused(crowned, reproduced, resealed):
    store = connect(crowned.track, reproduced.folder)
    source = store.client.get_model_version_download_uri(crowned.track.model_name, "1")
    (sealed,) = Path(source.removeprefix("file://")).rglob("bundle.json")
    describe(sealed.with_name("profile.json"), level=200)
    if resealed:
        sealing.seal(sealed.parent)
    with pytest.raises(
        VersionError, match=r"profile\.json or bundle\.json is not the file that was registered"
    ):
        champion.find(store, crowned.track.model_name)


def test_without_a_champion_nothing_is_logged(settings, reproduced):
    validate(settings, level=60)
    run = reproduced.children("validate")[-1]
    assert run.info.status == "FINISHED"
    assert not [name for name in [*run.data.metrics, *run.data.tags] if name.startswith("drift.")]


def test_a_champion_without_a_profile_costs_the_run_nothing(settings, reproduced, caplog):
    (settings.paths.models / "profile.json").write_text("older code")
    sealing.seal(settings.paths.models)
    version = registration.register(settings, settings.paths.models / "bundle.json")
    reproduced.client().set_registered_model_alias(settings.track.model_name, "champion", version)
    validate(settings, level=60)
    assert reproduced.children("validate")[-1].info.status == "FINISHED"
    assert "is no profile" in caplog.text


def test_a_dead_server_costs_the_stage_nothing(settings, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", CLOSED_PORT)
    validate(settings, level=60)
    assert (settings.paths.report("validate") / "profile.json").is_file()
    assert "MLflow fails" in caplog.text
