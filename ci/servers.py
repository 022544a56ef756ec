"""What a rehearsal talks to on this machine: MLflow's server, and a forge that remembers what it is told."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_START_S = 90  # until MLflow's server must answer


@contextmanager
def mlflow_server(folder: Path, database: str = "") -> Iterator[str]:
    """Run MLflow's server, artifacts through it; yield its address.

    Parameters
    ----------
    folder
        For artifacts and the server's own messages.
    database
        Its address; a new SQLite file in the folder unless told.

    Raises
    ------
    RuntimeError
        It does not answer in time.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable, "-m", "mlflow", "server",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", database or f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination", (folder / "artifacts").as_uri(),
    ]  # fmt: skip
    with (folder / "mlflow.log").open("w", encoding="utf-8") as output:
        server = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, start_new_session=True)
        try:
            wait(f"{address}/health", server)
            yield address
        finally:
            end(server)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(address: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers at an address.

    Raises
    ------
    RuntimeError
        It ends, or does not answer in time.
    """
    until = time.monotonic() + _START_S
    while server.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(
        f"a server must answer within {_START_S} s. Received: nothing from {address}, "
        f"exit code {server.poll()}. Its own messages are in its log."
    )


def end(server: subprocess.Popen[bytes]) -> None:
    """End the server and the workers that it started."""
    import psutil

    if server.poll() is not None:
        return
    family = [*psutil.Process(server.pid).children(recursive=True), psutil.Process(server.pid)]
    for process in family:
        process.terminate()
    psutil.wait_procs(family, timeout=10, callback=None)
    for process in family:
        if process.is_running():
            process.kill()
    server.wait()


@dataclass
class StubForge:
    """GitHub, as far as `ci.forge` asks it.

    Attributes
    ----------
    requests
        The open pull requests, as they were sent; their numbers count from 1.
    comments
        Number of the pull request and text.
    approver
        Who approved every deployment.
    """

    requests: list[dict[str, str]] = field(default_factory=list)
    comments: list[tuple[str, str]] = field(default_factory=list)
    approver: str = "grace"

    def get(self, path: str) -> list[Any]:
        """Answer a question."""
        if path.endswith("/approvals"):
            return [{"state": "approved", "user": {"login": self.approver}}]
        numbered = enumerate(self.requests, start=1)
        return [
            {"number": number} for number, each in numbered if path.endswith(each["head"].replace("/", "%2F"))
        ]

    def post(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        """Take a pull request or a comment."""
        if path.endswith("/comments"):
            self.comments.append((path.split("/")[-2], body["body"]))
            return {}
        self.requests.append(body)
        return {"number": len(self.requests)}


@contextmanager
def serving(forge: StubForge) -> Iterator[str]:
    """Serve a stub forge on this machine; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(forge.get(self.path))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(forge.post(self.path, body))

        def _answer(self, value: object) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
