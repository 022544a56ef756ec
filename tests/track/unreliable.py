"""A server before MLflow's that hands requests on, but for those that it was told to spoil."""

from __future__ import annotations

import gc
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

LONG_S = 90  # beyond every bound of a test


_over = threading.Event()


def hang(handler: BaseHTTPRequestHandler) -> None:
    _over.wait(LONG_S)


def end_of_hanging() -> None:
    """Let go of all requests, and wait until the calls that nobody waits for have ended."""
    _over.set()
    for left in [thread for thread in threading.enumerate() if thread.name == "mlflow"]:
        left.join(LONG_S)
    _over.clear()
    gc.collect()  # a socket of such a call is closed by nobody


def trickle(handler: BaseHTTPRequestHandler) -> None:
    """A byte at a time: no timeout of a single read ends it."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.2)


def redirect(handler: BaseHTTPRequestHandler) -> None:
    """Round in a circle, a little later each time."""
    time.sleep(0.2)
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def flood(handler: BaseHTTPRequestHandler) -> None:
    """A response without end."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        handler.wfile.write(b" " * 65536)
        time.sleep(0.01)


def die(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def refuse(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(401)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


Fault = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """What is spoilt, from which request on, and what was asked for so far."""

    address: str = ""
    fault: Fault | None = None
    where: str = ""  # in the path
    method: str = ""  # empty: any
    asked: list[str] = field(default_factory=list)

    def spoil(self, fault: Fault | None, where: str = "", method: str = "") -> str:
        self.fault, self.where, self.method = fault, where, method
        return self.address

    def spoils(self, handler: BaseHTTPRequestHandler) -> bool:
        return self.where in handler.path and self.method in ("", handler.command)


@contextmanager
def running(upstream: str = "") -> Iterator[Server]:
    """Serve, before the server at that address."""
    server = Server(fault=None if upstream else hang)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.asked.append(f"{self.command} {self.path}")
            with suppress(OSError):
                if server.fault and server.spoils(self):
                    self.close_connection = True
                    server.fault(self)
                else:
                    hand_on(self, upstream)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads, listening.block_on_close = True, False
        threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
        server.address = f"http://127.0.0.1:{listening.server_port}"
        yield server
        listening.shutdown()


def hand_on(handler: BaseHTTPRequestHandler, upstream: str) -> None:
    """Ask the server behind, and pass its response on."""
    chunked = handler.headers.get("Transfer-Encoding", "") == "chunked"
    body = _chunks(handler) if chunked else handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    behind = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=LONG_S)
    headers = {
        k: v for k, v in handler.headers.items() if k not in ("Host", "Transfer-Encoding", "Content-Length")
    }
    behind.request(handler.command, handler.path, body, headers)
    response = behind.getresponse()
    data = response.read()
    handler.send_response(response.status)
    handler.send_header("Content-Type", response.headers.get("Content-Type", ""))
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)
    behind.close()


def _chunks(handler: BaseHTTPRequestHandler) -> bytes:
    parts = []
    while size := int(handler.rfile.readline(), 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)
