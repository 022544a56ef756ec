"""A Ray cluster that a command starts for itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import clusters
from tests.imports import REPOSITORY

_COMMAND = """
import json, sys, psutil
from pipeline import config
from pipeline.files import engine
from tests.files.test_engine import square

run = config.read().run.model_copy(update={"engine": "ray", "workers": 1})
with engine.chosen(run):
    results = list(engine.process(square, range(20), workers=2, label="square"))
    began = psutil.Process().children(recursive=True)
    sockets = [each for process in began for each in process.net_connections()]
    listening = {each.laddr.ip for each in sockets if each.status == "LISTEN"}
    print(json.dumps([results, sorted(listening), [process.pid for process in began]]), flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.reliability(
    "a command that works on a Ray cluster of its own gets `kill -9`", "no process stays"
)
def test_it_listens_on_loopback_alone_and_ends_with_a_killed_command(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    environment = os.environ | clusters.ENVIRONMENT | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    del environment["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"]  # what binds to loopback is tried here
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(
        [sys.executable, "-c", _COMMAND], cwd=REPOSITORY, env=environment, text=True, **streams
    ) as command:
        results, listening, pids = json.loads(command.stdout.readline())
        command.kill()
    assert results == [number**2 for number in range(20)]
    assert set(listening) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    assert listening
    began = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    assert psutil.wait_procs(began, timeout=180)[1] == []
