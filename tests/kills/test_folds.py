"""`fracture folds` killed in several of its stages: another call goes on, and the figures are the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import cloning
from tests.kills import rounds

SETTINGS = rounds.SETTINGS | {"validate": {"folds": 3}}
COMMAND = [sys.executable, "-m", "pipeline", "folds"]


def killed_in(folder: Path, stage: str, times: int) -> None:
    """Call it, and kill it alone once it has started that stage so many times."""
    log = folder.with_suffix(".log")
    with log.open("wb") as said:
        process = subprocess.Popen(COMMAND, cwd=folder, env=cloning.ENVIRONMENT, stdout=said, stderr=said)
        while process.poll() is None and log.read_text().count(f"{stage}: start") < times:
            time.sleep(0.05)
        assert process.poll() is None, log.read_text()[-3000:]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert rounds.orphans(folder) == []


@pytest.mark.slow
@pytest.mark.reliability("`fracture folds` is killed in several stages", "it goes on; the same figures")
def test_a_killed_call_goes_on_to_the_same_figures(tmp_path: Path) -> None:
    folder, other = (cloning.copy(tmp_path / name, SETTINGS) for name in ("killed", "whole"))
    for stage, times in (("train", 1), ("evaluate", 1), ("validate", 2), ("region_maps", 1)):
        killed_in(folder, stage, times)
    cloning.run(folder, *COMMAND)
    cloning.run(other, *COMMAND)
    for name in ("metrics.json", "predictions.csv", "report.html"):
        assert (folder / "reports/folds" / name).read_bytes() == (other / "reports/folds" / name).read_bytes()
    assert rounds.unfinished_runs(folder) == []
    assert not (folder / ".dvc/tmp/folds").exists()
