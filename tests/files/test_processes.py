"""A stage ends with the DVC that runs it; a server that we start ends with us, and its port is free."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from pipeline.files import living, processes

REPOSITORY = Path(__file__).parents[2]
# Starts the server that listens in a process of its own, as MLflow does.
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'http.server', sys.argv[1]])"
OURS = """
import os, sys
from pipeline.files import processes
sys.exit(processes.serve([sys.executable, "-c", sys.argv[1], sys.argv[2]], os.environ, print))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@pytest.mark.reliability("a termination signal to a server", "it ends with all it started; the port is free")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_server_and_all_it_started(number, code):
    port = free_port()
    command = [sys.executable, "-c", OURS, PARENT, str(port)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as ours:
        try:
            assert wait_for(lambda: answers(port))
            ours.send_signal(number)
            assert ours.wait(60) == code
        finally:
            ours.kill()
    assert wait_for(lambda: not answers(port))


def test_a_server_that_we_interrupt_prints_no_traceback():
    waits = "import time; print('up', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", OURS, waits, ""]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as ours:
        assert ours.stdout.readline() == "up\n"
        ours.send_signal(signal.SIGINT)
        assert ours.stdout.read().strip() == ""
    assert ours.returncode == 130


def test_the_exit_code_of_a_server_that_ends_by_itself_comes_back():
    assert processes.serve([sys.executable, "-c", "raise SystemExit(3)"], os.environ, print) == 3
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


STAGE = """
import os, sys, time
from pipeline.files import processes
processes.die_with_dvc()
print(os.getpid(), flush=True)
time.sleep(60)
"""
# Runs a stage by a shell that stays, as DVC does where SHELL is not set and /bin/sh is dash.
DVC = """
import os, subprocess, sys
command = '"$0" -c "$1"; true'
around = os.environ | {"DVC_STAGE": "train"}
subprocess.run(["/bin/sh", "-c", command, sys.executable, sys.argv[1]], env=around)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of another's death")
@pytest.mark.reliability("DVC is killed and a shell stands between it and its stage", "the stage ends")
def test_a_stage_dies_with_dvc_and_not_with_the_shell_between_them():
    around = {name: value for name, value in os.environ.items() if name != "DVC_STAGE"}
    dvc = subprocess.Popen(
        [sys.executable, "-c", DVC, STAGE], cwd=REPOSITORY, env=around, stdout=subprocess.PIPE, text=True
    )
    with dvc:
        stage = psutil.Process(int(dvc.stdout.readline()))
        assert stage.ppid() != dvc.pid
        dvc.kill()
    assert wait_for(lambda: not living.runs(stage.pid))


def test_by_hand_a_stage_watches_nobody(monkeypatch):
    monkeypatch.delenv("DVC_STAGE", raising=False)
    before = threading.active_count()
    processes.die_with_dvc()
    assert threading.active_count() == before


ROLE = "import os, sys, time; print(os.environ['ROLE']); exec(os.environ['ROLE'])"


def together(*roles: str) -> list[tuple[int | None, str]]:
    environments = [{**os.environ, "ROLE": role} for role in roles]
    return processes.run_together([sys.executable, "-c", ROLE], environments, 0.5)


def test_processes_that_need_each_other_run_to_their_end() -> None:
    assert together("pass", "time.sleep(0.5)") == [(0, ""), (0, "time.sleep(0.5)\n")]


@pytest.mark.reliability("one of several processes that train together dies", "the others end within seconds")
@pytest.mark.parametrize(("death", "code"), [("os.kill(os.getpid(), 9)", -9), ("sys.exit(3)", 3)])
def test_where_one_of_them_dies_the_others_are_ended(death: str, code: int) -> None:
    started = time.monotonic()
    assert [ended for ended, _ in together("time.sleep(600)", death)] == [None, code]
    assert time.monotonic() - started < 30
