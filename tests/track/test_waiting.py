"""One allowance of waiting a stage, whatever the server does, and a record that `sync` completes."""

from __future__ import annotations

import contextlib
import gc
import subprocess
import sys
import threading
import time
import weakref

import pytest

from ci.servers import mlflow_server
from pipeline import config as settings
from pipeline.files import outputs
from pipeline.track import runs, store, waiting
from pipeline.track.outage import StoreError, UnansweredError
from pipeline.track.waiting import OutOfPatienceError, Patience
from tests.track import unreliable
from tests.track.conftest import copy

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

BOUND_S, SPARE_S = 1.0, 25.0  # the allowance; what imports and DVC take on a busy machine besides
REPORT_BYTES = 200_000


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    with mlflow_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module")
def server(upstream):
    with unreliable.running(upstream) as running:
        yield running


@pytest.fixture(autouse=True)
def _alone():
    """No call of one test outlives it."""
    yield
    unreliable.end_of_hanging()


@pytest.fixture(scope="module")
def folder(baseline, tmp_path_factory):
    return copy(baseline, tmp_path_factory.mktemp("waiting") / "repository")


@pytest.fixture
def config(folder, server, monkeypatch):
    """Settings whose store is that server; the environment would let each call wait for longer."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_STAGE", "evaluate")
    server.spoil(None)
    with contextlib.chdir(folder.folder):
        whole = settings.read()
        track = whole.track.model_copy(update={"uri": server.address, "timeout_s": BOUND_S})
        yield whole.model_copy(update={"track": track})


def patient(config):
    return config.model_copy(update={"track": config.track.model_copy(update={"timeout_s": 60})})


def stage(config, within=lambda: None) -> float:
    """Run a stage, and return how long its record took."""
    started = time.monotonic()
    with runs.stage_run("evaluate", config) as record:
        within()
        outputs.write_json(config.paths.report("evaluate") / "metrics.json", {"auroc": 0.75})
        outputs.write_bytes(config.paths.report("evaluate") / "large.bin", bytes(REPORT_BYTES))
        record.metrics({"auroc": 0.75})
    return time.monotonic() - started


def test_a_sound_server_gets_everything(config, server, caplog):
    runs.sync(patient(config))  # what was before is no part of what follows
    stage(patient(config))
    assert "MLflow fails" not in caplog.text


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(unreliable.hang, marks=pytest.mark.reliability(39)),
        pytest.param(
            unreliable.trickle,
            marks=pytest.mark.reliability(
                "MLflow's server sends a byte now and then", "bounded wait, a warning"
            ),
        ),
        pytest.param(
            unreliable.redirect,
            marks=pytest.mark.reliability("MLflow's server redirects in a circle", "bounded wait, a warning"),
        ),
        pytest.param(
            unreliable.flood,
            marks=pytest.mark.reliability("MLflow's server answers without end", "bounded wait, a warning"),
        ),
        pytest.param(unreliable.die, marks=pytest.mark.reliability(39)),
    ],
    ids=lambda fault: fault.__name__,
)
def test_whatever_the_server_does_costs_a_stage_the_bound(config, server, caplog, fault):
    server.spoil(fault)
    before = set(threading.enumerate())
    assert stage(config) < BOUND_S + SPARE_S
    assert caplog.text.count("MLflow fails, the report folder is the record") == 1
    if fault in (unreliable.trickle, unreliable.flood):  # the next byte brings the call to itself
        time.sleep(1.0)
        assert not [left for left in set(threading.enumerate()) - before if left.name == "mlflow"]


@pytest.mark.parametrize(
    ("where", "method"),
    [
        ("experiments/get-by-name", ""),
        ("runs/create", ""),
        ("runs/log-batch", ""),
        ("mlflow-artifacts/artifacts", "PUT"),
        ("runs/update", ""),
    ],
)
@pytest.mark.reliability(39)
def test_a_hang_at_each_request_costs_the_bound_and_is_repaired(config, server, caplog, where, method):
    server.spoil(unreliable.hang, where, method)
    assert stage(config) < BOUND_S + SPARE_S
    assert "`fracture sync` repairs" in caplog.text
    server.spoil(None)
    runs.sync(patient(config))
    assert runs.sync(patient(config)).made == ()


@pytest.mark.reliability(39)
def test_a_server_that_dies_in_mid_run_costs_the_bound(config, server, caplog):
    assert stage(config, within=lambda: server.spoil(unreliable.hang)) < BOUND_S + SPARE_S
    assert caplog.text.count("MLflow fails") == 1


DOWNLOAD = """
import sys
from pathlib import Path
from pipeline.config import Track
from pipeline.track import models, store
opened = store.connect(Track(uri=sys.argv[1], experiment="e", model_name="m", timeout_s=1), Path(sys.argv[2]))
try:
    models.download(opened, "m", sys.argv[3], "", Path(sys.argv[2]))
except models.VersionError as error:
    print(error)
"""


@pytest.mark.reliability("a download of a model that trickles", "the command ends within the bound")
def test_a_download_that_trickles_ends_the_command(server, tmp_path):
    server.spoil(None)
    opened = store.connect(
        settings.Track(uri=server.address, experiment="e", model_name="m", timeout_s=60), tmp_path
    )
    run_id = opened.client.create_run(opened.experiment_id).info.run_id
    (tmp_path / "weights").write_bytes(bytes(1000))
    opened.client.upload(run_id, tmp_path / "weights")
    with contextlib.suppress(StoreError):
        opened.client.create_registered_model("m")
    source = opened.client.get_run(run_id).info.artifact_uri
    version = opened.client.create_model_version("m", source, run_id).version
    server.spoil(unreliable.trickle, "artifacts/", "GET")
    started = time.monotonic()
    command = [sys.executable, "-c", DOWNLOAD, server.address, str(tmp_path), str(version)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "timed out after 1 s of waiting" in done.stdout
    assert time.monotonic() - started < unreliable.LONG_S / 2


def test_bytes_that_move_cost_no_patience(tmp_path):
    (tmp_path / "large").write_bytes(bytes(7_000_000))
    patience = Patience(0.2)
    assert waiting.to_move(tmp_path) == pytest.approx(7.0)
    assert patience.wait(lambda: time.sleep(0.6) or "moved", lambda: waiting.to_move(tmp_path)) == "moved"
    with pytest.raises(OutOfPatienceError):
        patience.wait(lambda: time.sleep(0.6))


def test_an_abandoned_call_does_nothing_more():
    done = []

    def call():
        for number in range(100):
            time.sleep(0.05)
            done.append(number)

    with pytest.raises(OutOfPatienceError):
        Patience(0.2).wait(call)
    time.sleep(0.2)
    so_far = len(done)
    time.sleep(0.3)
    assert len(done) == so_far < 100


def test_the_store_names_the_bound(server):
    server.spoil(unreliable.hang)
    with pytest.raises(UnansweredError, match="timed out after 1 s"):
        store.Client(server.address, 1).search_experiments()


class Connection:
    """Something that holds a lock as long as it lives."""


def test_an_abandoned_call_holds_nothing_any_more():
    opened = []

    def call():
        connection = Connection()
        opened.append(weakref.ref(connection))
        while True:
            time.sleep(0.01)

    gc.disable()  # what frames hold in a circle would go some time, not now
    try:
        with pytest.raises(OutOfPatienceError):
            Patience(0.2).wait(call)
        end = time.monotonic() + 30
        while opened[0]() is not None and time.monotonic() < end:
            time.sleep(0.01)
        assert opened[0]() is None
    finally:
        gc.enable()
