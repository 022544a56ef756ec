"""Servers of a rehearsal on this machine: MLflow's, and a forge that keeps what it receives."""

from __future__ import annotations

import json
import os
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
_TOP = Path(__file__).resolve().parents[1]
# Ends the server with all that it started, also where we are killed.
_KEEPER = """
import os, signal, sys
from pipeline.files import outputs, processes
outputs.die_with_parent(number=signal.SIGTERM)
sys.exit(processes.serve(sys.argv[1:], os.environ, sys.stdout.write))
"""


@contextmanager
def mlflow_server(folder: Path, database: str = "") -> Iterator[str]:
    """Run MLflow's server on a database, else on SQLite in the folder; artifacts go there through it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable, "-m", "mlflow", "server",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--artifacts-destination", (folder / "artifacts").as_uri(),
    ]  # fmt: skip
    around = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": database or f"sqlite:///{folder / 'mlflow.db'}",
        "PYTHONPATH": os.pathsep.join([str(_TOP), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
    }
    with (folder / "mlflow.log").open("w", encoding="utf-8") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", _KEEPER, *command],
            cwd=folder,
            env=around,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
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

    if server.poll() is None:
        family = [*psutil.Process(server.pid).children(recursive=True), psutil.Process(server.pid)]
        for process in family:
            process.terminate()
        for process in psutil.wait_procs(family, timeout=10)[1]:
            process.kill()
        server.wait()


@dataclass
class StubForge:
    """GitHub, as far as `ci.forge` asks it."""

    requests: list[dict[str, str]] = field(default_factory=list)  # as sent; their numbers count from 1
    comments: list[tuple[str, str]] = field(default_factory=list)  # number of the pull request, text
    approver: str = "grace"  # of every deployment

    def respond(self, path: str, body: dict[str, str]) -> Any:
        """Respond to a request: a pull request or a comment has a body, a query has none."""
        if path.endswith("/approvals"):
            return [{"state": "approved", "user": {"login": self.approver}}] if self.approver else []
        if path.endswith("/comments"):
            self.comments.append((path.split("/")[-2], body["body"]))
            return {}
        if body:
            self.requests.append(body)
            return {"number": len(self.requests)}
        heads = [each["head"].replace("/", "%2F") for each in self.requests]
        return [{"number": number} for number, head in enumerate(heads, start=1) if path.endswith(head)]


@contextmanager
def serving(forge: StubForge) -> Iterator[str]:
    """Serve a stub forge on this machine; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            data = json.dumps(forge.respond(self.path, json.loads(sent or "{}"))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
