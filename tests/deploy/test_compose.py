"""The Compose file: checked by its schema, and its commands run without containers."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from ci.servers import end, free_port, wait
from pipeline.__main__ import app
from tests import postgres
from tests.imports import REPOSITORY

FILE = REPOSITORY / "deploy/compose.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
PAGE = (REPOSITORY / "docs/how-to/containers.md").read_text(encoding="utf-8")


def test_the_file_is_as_compose_wants_it() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", FILE]
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_the_page_names_every_variable_and_port() -> None:
    wanted = set(re.findall(r"\$\{(\w+):\?\}", FILE.read_text(encoding="utf-8")))
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)) == wanted
    ports = {port for service in SERVICES.values() for port in service.get("ports", [])}
    assert ports == {f"127.0.0.1:{port}:{port}" for port in re.findall(r"\| port (\d+) \|", PAGE)}


@pytest.mark.parametrize("name", ["service", "node"])
def test_commands_and_options_are_those_of_the_command_line(name: str) -> None:
    program, command, *arguments = SERVICES[name]["command"]
    assert program == "fracture"
    known = typer.main.get_group(app).commands[command]
    known.make_parser(typer.Context(known)).parse_args(arguments)


@contextmanager
def started(
    name: str, folder: Path, port: int, values: dict[str, str], address: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a service's command on this machine: variables filled in, another port, loopback."""
    here = {"0.0.0.0": "127.0.0.1", "/artifacts": str(folder / "artifacts"), "/spool": str(folder / "spool")}
    program, *arguments = [filled(each, values) for each in SERVICES[name]["command"]]
    arguments = [here.get(each, each).replace(":5000", f":{port}") for each in arguments]
    arguments[arguments.index("--port") + 1] = str(port)
    environment = {key: filled(value, values) for key, value in SERVICES[name]["environment"].items()}
    environment |= {key: values[key] for key in environment.keys() & values.keys()}
    module = "mlflow" if program == "mlflow" else "pipeline"
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment,
            stdout=log,
            stderr=log,
        )
    try:
        if address:
            wait(address, process)
        yield process
    finally:
        end(process)


def filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+):\?\}", lambda found: values[found[1]], text)


@pytest.mark.slow  # starts MLflow, the service and the node
@pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing())
def test_the_same_commands_work_without_containers(tmp_path: Path) -> None:
    ports = {name: free_port() for name in ("mlflow", "service", "node")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    values = {"MLFLOW_DATABASE_PASSWORD": "x", "FRACTURE_TOKEN": "secret", "NODE_CALLER": "XRAY1"}
    values |= {"NODE_CALLER_HOST": "127.0.0.1", "NODE_PEER": f"PACS@127.0.0.1:{free_port()}"}
    values["MLFLOW_TRACKING_URI"] = urls["mlflow"]
    with postgres.running() as database:
        values["MLFLOW_BACKEND_STORE_URI"] = database.replace("postgresql://", "postgresql+psycopg://")
        with (
            started("mlflow", tmp_path, ports["mlflow"], values, f"{urls['mlflow']}/health"),
            started("service", tmp_path, ports["service"], values, f"{urls['service']}/"),
            started("node", tmp_path, ports["node"], values, ""),
        ):
            asked = urllib.request.Request(
                f"{urls['service']}/model", headers={"Authorization": "Bearer secret"}
            )
            with urllib.request.urlopen(asked) as answer:
                assert b"FracAtlas" in answer.read()
            assert echoed(ports["node"])


def echoed(port: int) -> bool:
    """Whether the node answers a C-ECHO, once it listens."""
    for _ in range(120):
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            break
        time.sleep(1)
    caller = AE(ae_title="XRAY1")
    caller.add_requested_context(Verification)
    association = caller.associate("127.0.0.1", port, ae_title="FRACTURE")
    status = association.send_c_echo().Status
    association.release()
    return bool(status == 0)
