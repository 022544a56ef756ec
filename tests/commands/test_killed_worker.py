"""`fracture train --workers 2` beside one process; a worker is killed, and the next start goes on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml

from pipeline.train import training
from tests import cloning
from tests.imports import REPOSITORY
from tests.networks import _narrow_backbone, _repeatable, examples

__all__ = ["_narrow_backbone", "_repeatable", "examples"]

SETTINGS = {
    "preprocess": {"height_px": 64, "width_px": 64},
    "train": {
        "weights": "random", "pyramid_channels": 8, "batch_size": 6, "frozen_fraction": 1.0, "head_epochs": 0,
        "max_epochs": 12, "checkpoint": "last",
    },
}  # fmt: skip
COMMAND = [sys.executable, "-m", "pipeline", "train"]


def repository(folder: Path, examples: training.Examples) -> Path:
    """A folder with settings and shards, in which DVC runs nothing."""
    folder.mkdir()
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    for section, values in SETTINGS.items():
        params[section] |= values
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    shutil.copy(REPOSITORY / "dvc.yaml", folder)
    shutil.copytree(REPOSITORY / "pipeline", folder / "pipeline")
    shutil.copytree(examples.folder, folder / params["paths"]["shards"])
    cloning.run(folder, "dvc", "init", "--no-scm", "--quiet")
    return folder


def losses(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "reports/train/history.csv")[["train_loss", "val_loss"]]


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "--workers", "2"], cwd=folder, env=cloning.ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
@pytest.mark.reliability(
    "a process that trains with others is killed", "the run ends and names it; a start goes on"
)
def test_a_killed_worker_ends_the_run_and_the_next_start_gives_the_curve_of_one_process(
    examples: training.Examples, tmp_path: Path
) -> None:
    alone, two = (repository(tmp_path / name, examples) for name in ("alone", "two"))
    cloning.run(alone, *COMMAND)
    with start(two) as killed:
        while not list(two.glob(".checkpoints/*/training.npz")) and killed.poll() is None:
            time.sleep(0.1)
        workers = psutil.Process(killed.pid).children(recursive=True)
        struck = time.monotonic()
        workers[-1].send_signal(signal.SIGKILL)
        said = killed.communicate()[1]
    assert time.monotonic() - struck < 60
    assert killed.returncode == 1
    assert "worker 1 was ended by SIGKILL" in said
    assert not any(worker.is_running() for worker in workers)
    with start(two) as resumed:
        said = resumed.communicate()[1]
    assert resumed.returncode == 0, said
    assert "Resumed after epoch" in said
    assert (losses(alone) - losses(two)).abs().to_numpy().max() < 1e-4
