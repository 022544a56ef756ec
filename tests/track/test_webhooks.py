"""The receiver of docs/how-to/webhooks.md, called by the real server of MLflow on this machine."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import pytest
from mlflow import MlflowClient

from ci.servers import mlflow_server

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "webhooks.md"
SECRET = "a long random text"


@pytest.fixture
def received():
    """A receiver on this machine: its address, and what it gets."""
    requests: Queue = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            requests.put((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/champion", requests
        server.shutdown()


def test_a_promotion_reaches_the_receiver_and_a_forged_one_is_refused(received, tmp_path, monkeypatch):
    address, requests = received
    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "http")
    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    page: dict = {}
    exec(code[1], page)
    with mlflow_server(tmp_path) as uri:
        client = MlflowClient(uri, uri)
        client.create_webhook("champion", address, ["model_version_alias.created"], secret=SECRET)
        client.create_registered_model("fracture")
        run = client.create_run("0").info
        client.create_model_version("fracture", f"{run.artifact_uri}/model", run.run_id)
        for alias in ("previous", "champion"):
            client.set_registered_model_alias("fracture", alias, "1")
        got = [requests.get(timeout=30) for _ in range(2)]
    assert {page["champion"](*one, SECRET) for one in got} == {None, "1"}
    headers, body = got[0]
    with pytest.raises(ValueError, match="not from our server"):
        page["champion"](headers, body.replace(b'"1"', b'"2"'), SECRET)
