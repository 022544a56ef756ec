"""The service as a process: started by its command, asked over a socket, ended by a signal."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import yaml
from typer.testing import CliRunner

from ci import servers
from pipeline.__main__ import app
from pipeline.files import living
from pipeline.serve import asking, running

TOP = Path(__file__).parents[2]


@pytest.fixture
def settings(work, models):
    """The working folder's params.yaml: processes that decode, and a small bundle."""
    values = yaml.safe_load((work / "params.yaml").read_text())
    values["run"]["workers"] = 2
    values["paths"]["models"] = str(models)
    values["serve"] |= {"canary_radiographs": 2, "port": servers.free_port()}
    (work / "params.yaml").write_text(yaml.safe_dump(values))
    return values["serve"]


@contextmanager
def serving(work, port, *options):
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "pipeline", "serve", "--model", "current", *options]
    around = os.environ | {"PYTHONPATH": str(TOP), "FRACTURE_TOKEN": "long and random"}
    with (work / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=work, env=around, stdout=log, stderr=log)
        try:
            servers.wait(f"{address}/ready", server)
            yield address, server
        finally:
            servers.end(server)


def ask(address, paths):
    images = [{"name": path.name, "data": base64.b64encode(path.read_bytes()).decode()} for path in paths]
    headers = {"Content-Type": "application/json", "Authorization": "Bearer long and random"}
    asked = urllib.request.Request(f"{address}/predict", json.dumps({"images": images}).encode(), headers)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.load(answer)["results"]


@pytest.mark.reliability(
    "a termination signal for `fracture serve` while it answers",
    "the answer is sent, every child ends, exit code 143, and nothing is written of who was seen",
)
def test_a_signal_lets_the_service_answer_and_ends_all_its_children(work, draw, settings, monkeypatch):
    paths, answers = draw(work / "Doe_Jane", range(32)), []
    with serving(work, settings["port"]) as (address, server):
        monkeypatch.setenv("FRACTURE_TOKEN", "long and random")
        assert asking.run(read(work), None, "current", 3, as_json=True) == 0
        children = psutil.Process(server.pid).children(recursive=True)
        client = threading.Thread(target=lambda: answers.extend(ask(address, paths)))
        client.start()
        client.join(0.3)
        server.terminate()
        assert server.wait(60) == 143
        client.join(60)
    assert ["probability" in answer for answer in answers] == [True] * 32
    assert len(children) >= 2
    _, left = psutil.wait_procs(children, timeout=10)
    assert [child for child in left if living.runs(child.pid)] == []
    said = (work / "log").read_text()
    assert "serve: the model is current" in said
    assert [word for word in ("Doe", "long and random") if word in said] == []


def read(work):
    from pipeline import config

    return config.read(work / "params.yaml")


@pytest.mark.reliability(
    "`fracture serve` open to others without a token; at an address that is taken", "refused"
)
def test_it_does_not_start_where_it_should_not(config, settle):
    with pytest.raises(ValueError, match="needs a token"):
        running.run(settle(host="0.0.0.0"), None, None)
    with (
        servers.socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="must be free"),
    ):
        running.run(settle(port=taken.getsockname()[1]), None, None)


def test_of_two_that_start_at_once_one_says_that_the_address_is_taken(settle):
    settings = settle(port=servers.free_port()).serve
    with running._bound(settings) as first, running._bound(settings) as second:
        running._listen(first, settings)
        with pytest.raises(OSError, match="must be free"):
            running._listen(second, settings)


@pytest.mark.reliability(
    "connections to `fracture serve` that bring no request",
    "closed after a while, so that others find a place",
)
def test_a_connection_without_a_request_is_closed(client, settle):
    settings = settle(timeout_s=0.2, port=0).serve
    server = running._server(client.app, settings)
    with running._bound(settings) as here:
        thread = threading.Thread(target=server.run, args=([here],), daemon=True)
        thread.start()
        with connected(here) as silent, connected(here) as torn, connected(here) as late:
            torn.sendall(b"GET /health HTTP/1.1\r\nHost: loc")
            late.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert late.recv(15) == b"HTTP/1.1 200 OK"
            late.sendall(b"GET /he")
            for each in (silent, torn, late):
                while each.recv(4096):
                    pass
        server.should_exit = True
        thread.join(10)


def connected(here):
    for _ in range(100):
        try:
            return servers.socket.create_connection(here.getsockname(), timeout=20)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError("nobody listens")


@pytest.mark.parametrize("option", [["--images", "folder"], ["--workers", "2"]])
def test_what_only_mlflows_server_can_do_is_refused_with_where_it_is_done(option):
    done = CliRunner().invoke(app, ["serve", *option])
    assert done.exit_code == 2
    assert "mlflow models serve" in " ".join(done.output.replace("│", " ").split())


def test_a_canary_needs_a_service(settle):
    with pytest.raises(OSError, match="Is it running"):
        asking.run(settle(port=servers.free_port()), None, None, None, as_json=False)
    with pytest.raises(ValueError, match="must be http"):
        asking.run(settle(), "ftp://host", None, None, as_json=False)
    for address in ("http://two words", "http://host:port"):
        with pytest.raises(ValueError, match="must be a service of `fracture serve`"):
            asking.run(settle(), address, None, None, as_json=False)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n",
        *(b"HTTP/1.0 200 OK\r\n\r\n" + body for body in (b"<html>", b"[]", b"{}", b"null")),
    ],
)
def test_what_answers_a_canary_must_be_our_service(settle, answer):
    with socket.create_server(("127.0.0.1", 0)) as other:

        def reply():
            client, _ = other.accept()
            with client:
                client.recv(2**16)
                client.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(ValueError, match="must be a service of `fracture serve`"):
            asking.run(settle(port=other.getsockname()[1]), None, None, None, as_json=False)
        thread.join()
