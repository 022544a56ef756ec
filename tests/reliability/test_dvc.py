"""What `dvc repro` of this repository's own pipeline stands: a second one, and kills at every boundary."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests import cloning
from tests.reliability import clock
from tests.reliability.injection import hashes
from tests.test_end_to_end import SMALL, STAGES

MADE = ("Data", "models", "reports")


def start(clone: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `dvc repro` and return it once its first stage runs."""
    command = ["dvc", "repro", *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=clone, env=cloning.ENVIRONMENT, **streams)


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    said = []
    for line in process.stdout:
        said.append(line)
        if words in line:
            return
    raise AssertionError(f"never said {words!r}:\n{''.join(said)}")


@pytest.mark.reliability(36)
def test_a_second_repro_fails_while_the_first_one_works_and_harms_nothing(tmp_path: Path) -> None:
    many = {"train": 120, "val": 8, "test": 8, "min_side_px": 160, "max_side_px": 200}
    clone = cloning.copy(tmp_path / "clone", {"phantoms": many, "run": {"workers": 1}})
    with start(clone, "phantoms") as first:
        wait_for(first, "Running stage 'phantoms'")
        second = subprocess.run(
            ["dvc", "repro", "phantoms"], cwd=clone, env=cloning.ENVIRONMENT, capture_output=True, text=True
        )
        assert first.poll() is None, "the first one has ended: draw more phantoms"
        first.communicate()
    assert (first.returncode, second.returncode != 0) == (0, True)
    assert "lock" in second.stderr
    assert "up to date" in cloning.run(clone, "dvc", "status", "phantoms")


@pytest.mark.reliability(42)
def test_the_clock_of_a_child_is_a_day_ahead(tmp_path: Path) -> None:
    """Without this, `test_a_forced_run_a_day_later_gives_the_same_lock` would prove nothing."""
    code = "import time; print(time.time(), time.mktime(time.localtime()))"
    said = subprocess.run(
        [*clock.a_day_later(tmp_path), sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [float(number) - time.time() for number in said] == pytest.approx([86_400] * 2, abs=60)


@pytest.mark.slow
@pytest.mark.reliability(31)
def test_a_kill_at_every_stage_boundary_changes_no_byte(tmp_path: Path) -> None:
    clean, killed = (cloning.copy(tmp_path / name, SMALL) for name in ("clean", "killed"))
    cloning.run(clean, "dvc", "repro")
    for stage in STAGES:
        with start(killed) as process:
            wait_for(process, f"Running stage '{stage}'")
            process.kill()
            process.stdout.close()
        wait_until_nothing_runs_in(killed)
    cloning.run(killed, "dvc", "repro")
    assert (killed / "dvc.lock").read_text() == (clean / "dvc.lock").read_text()
    assert {name: hashes(killed / name) for name in MADE} == {name: hashes(clean / name) for name in MADE}


def wait_until_nothing_runs_in(folder: Path, patience_s: float = 60) -> None:
    """A stage dies with the DVC that started it; what it started dies a moment later."""
    deadline = time.monotonic() + patience_s
    while working := [process.pid for process in psutil.process_iter() if runs_in(process, folder)]:
        assert time.monotonic() < deadline, f"still running: {working}"
        time.sleep(0.1)


def runs_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder)
    except psutil.Error:
        return False
