"""Where the runs go, and how long a bad server is waited for."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.config import Track
from pipeline.track import store, waiting
from pipeline.track.outage import StoreError, UnansweredError
from pipeline.track.store import Client

# MLflow 3.17 uses a loader that SQLAlchemy 2.1 deprecates.


@pytest.fixture
def settings():
    return Track(uri="", experiment="fracture", model_name="fracture", timeout_s=2)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    for name in ("TIMEOUT", "MAX_RETRIES", "BACKOFF_FACTOR"):
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", "1")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def server(request):
    """A stub that answers every request after a delay with one status; its address."""
    delay_s, status = request.param

    class Stub(BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(delay_s)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET

        def log_message(self, *_):
            """Stay silent."""

    stub = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    stub.handle_error = lambda *_: None
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{stub.server_port}"
    stub.shutdown()
    stub.server_close()


@pytest.mark.parametrize(
    ("environment", "setting", "expected"),
    [
        ("http://one", "http://two", "http://one"),
        ("", "http://two", "http://two"),
        ("", "", "sqlite:////main/mlflow.db"),
    ],
)
def test_the_environment_goes_before_the_settings(monkeypatch, environment, setting, expected):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", environment)
    assert store.resolve_uri(setting, Path("/main")) == expected


def test_a_local_database_keeps_its_artifacts_beside_it(tmp_path, settings):
    opened = store.connect(settings, tmp_path)
    experiment = opened.client.get_experiment(opened.experiment_id)
    assert experiment.artifact_location == (tmp_path / "mlartifacts").as_uri()
    assert store.connect(settings, tmp_path).experiment_id == opened.experiment_id


def test_an_experiment_is_told_once_that_it_trains_models(tmp_path, settings):
    opened = store.connect(settings, tmp_path)
    name, number = "mlflow.experimentKind", opened.experiment_id
    assert opened.client.get_experiment(number).tags[name] == "custom_model_development"
    opened.client.set_experiment_tag(number, name, "genai_development")  # somebody's choice
    opened.client.set_experiment_tag(number, "mlflow.note.content", "")
    chosen = opened.client.get_experiment(number).tags
    store.connect(settings, tmp_path)
    assert opened.client.get_experiment(number).tags == chosen
    assert store.view.lacking(number, chosen) == {}  # no further request
    opened.client.raw.delete_experiment_tag(number, name)  # as one of an older version
    store.connect(settings, tmp_path)
    assert opened.client.get_experiment(number).tags[name] == "custom_model_development"


def test_more_settings_than_mlflow_takes_at_once_are_logged(tmp_path, settings):
    opened = store.connect(settings, tmp_path)
    run_id = opened.client.create_run(opened.experiment_id).info.run_id
    opened.log(run_id, {"age>=65.auroc": 0.5}, {f"p{number}": number for number in range(230)}, {"t": "1"})
    run = opened.client.get_run(run_id)
    assert len(run.data.params) == 230
    assert run.data.metrics == {"age__65.auroc": 0.5}
    assert run.data.tags["t"] == "1"


@pytest.mark.reliability(40)
def test_a_locked_database_is_waited_for(tmp_path, settings):
    opened = store.connect(settings, tmp_path)
    run_id = opened.client.create_run(opened.experiment_id).info.run_id
    other = sqlite3.connect(tmp_path / "mlflow.db", check_same_thread=False, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(1.0, other.close)
    release.start()
    opened.log(run_id, {"auroc": 0.5})
    release.join()
    assert opened.client.get_run(run_id).data.metrics == {"auroc": 0.5}


@pytest.mark.parametrize("server", [(30, 200), (0, 500)], indirect=True, ids=["silent", "broken"])
@pytest.mark.reliability(39)
def test_a_bad_server_is_given_up_within_the_bound(server, settings, tmp_path, patience):
    with pytest.raises(StoreError):
        store.connect(settings.model_copy(update={"uri": server}), tmp_path)
    assert 0 < sum(patience) <= settings.timeout_s


def ask_often(client):
    for _ in range(20):
        client.search_experiments()


@pytest.mark.parametrize("server", [(0, 200)], indirect=True, ids=["slow"])
@pytest.mark.reliability(39)
def test_slow_answers_add_up(server, patience, monkeypatch):
    """By a clock that says of every answer that it took 0.6 s, of which a quarter of a second is free."""
    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=itertools.count(step=0.6).__next__))
    client = Client(server, timeout_s=1)
    with pytest.raises(UnansweredError, match="waiting"):
        ask_often(client)
    assert len(patience) == 3  # 3 * 0.35 s of waiting


def test_a_lock_waits_for_its_holder(tmp_path):
    order = []

    def second():
        with store.locked(tmp_path / "lock"):
            order.append("second")

    with store.locked(tmp_path / "lock"):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.2)
        order.append("first")
    waiting.join(timeout=60)
    assert order == ["first", "second"]
