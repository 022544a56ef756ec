"""One `dvc repro` in a folder of its own, killed at a chosen moment, and what is there after another one."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import psutil
import yaml

from tests import cloning

SETTINGS = {
    "phantoms": {"train": 16, "val": 8, "test": 8, "min_side_px": 128, "max_side_px": 160},
    "preprocess": {"height_px": 64, "width_px": 64, "shard_records": 8},
    "train": {
        "weights": "random", "pyramid_channels": 8, "batch_size": 8, "head_epochs": 1, "max_epochs": 2,
        "mask_source": "annotations",
    },
    "evaluate": {"bootstrap_samples": 50, "robustness_radiographs": 2},
    "region_maps": {
        "faithfulness_radiographs": 1, "faithfulness_steps": 2, "gallery": 4, "methods_radiographs": 1,
    },
}  # fmt: skip
OTHER = {  # a setting that each stage reads, and none before it
    "phantoms": ("run", "seed", 8),
    "validate": ("validate", "hash_distance", 9),
    "preprocess": ("preprocess", "low_percentile", 0.6),
    "train": ("train", "dropout", 0.3),
    "evaluate": ("evaluate", "ece_bins", 9),
    "region_maps": ("region_maps", "max_regions", 4),
    "report": ("validate", "copy_agreement", 0.81),
}
_STAGE = re.compile(r"^Running stage '(\w+)'", re.MULTILINE)
_GIVEN = (".git", ".dvc/cache", ".dvc/tmp", "mlartifacts", "mlruns")  # what differs from run to run
_ORPHANS_S = 30


class Moment(NamedTuple):
    """Seconds after the start of a stage; after that of DVC where the stage is empty."""

    stage: str
    seconds: float


class Repro:
    """`dvc repro` as a group of processes, with its output in a file."""

    def __init__(self, folder: Path) -> None:
        self.log, temporary = folder.with_suffix(".log"), folder.with_suffix(".tmp")
        temporary.mkdir(exist_ok=True)
        environment = cloning.ENVIRONMENT | {"PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["dvc", "repro"],
                cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.started = time.monotonic()

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def running(self) -> list[str]:
        """Names of the stages that have begun, in their order."""
        return _STAGE.findall(self.said())

    def durations(self) -> dict[str, float]:
        """Wait for its end; seconds that each stage took, and DVC before the first one, under no name."""
        begun = {"": 0.0}
        while self.process.poll() is None:
            for stage in self.running():
                begun.setdefault(stage, time.monotonic() - self.started)
            time.sleep(0.02)
        if self.process.returncode:
            raise AssertionError(self.said()[-4000:])
        ends = [*begun.values(), time.monotonic() - self.started][1:]
        return {stage: end - start for (stage, start), end in zip(begun.items(), ends, strict=True)}

    def strike(self, moment: Moment, whole_group: bool) -> str:
        """Kill it at the moment, and return the stage that ran then; empty where it was over before."""
        while moment.stage and self.process.poll() is None and moment.stage not in self.running():
            time.sleep(0.01)
        end = time.monotonic() + moment.seconds
        while time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.01)
        over = self.process.poll() is not None
        if not over:
            (os.killpg if whole_group else os.kill)(self.process.pid, signal.SIGKILL)
            self.process.wait()  # DVC takes a process that nobody waited for for a living one
        return "" if over else (self.running() or ["before any"])[-1]


def mend(folder: Path) -> str:
    """Let `doctor` mend DVC's own files; what it did, nothing where they are whole."""
    command = [sys.executable, "-m", "pipeline", "doctor", "--quick", "--mend"]
    said = subprocess.run(
        command, cwd=folder, env=cloning.ENVIRONMENT, capture_output=True, text=True, check=False
    ).stderr
    (folder / "dvc.lock.broken").unlink(missing_ok=True)  # the copy that it keeps
    return " ".join(line for line in said.splitlines() if "torn" in line or "is empty" in line)


def orphans(folder: Path) -> list[str]:
    """Processes that work in a folder half a minute after the blow."""
    end = time.monotonic() + _ORPHANS_S
    while (left := list(_working_in(folder))) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def outputs(folder: Path) -> dict[str, str]:
    """Hash all files of a clone but for those of git, of DVC's own and of MLflow."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not name.startswith(_GIVEN) and "__pycache__" not in name and "mlflow.db" not in name:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
    return found


def checkpoints(folder: Path) -> set[str]:
    """Names of the checkpoints of trainings, half-written ones too, and of the folders that hold them."""
    found = list((folder / ".checkpoints").glob("*/*.npz"))
    return {path.relative_to(folder).as_posix() for file in found for path in (file, file.parent)}


def torn_in_cache(folder: Path) -> list[str]:
    """Files of DVC's cache that are not what their names say, or bear no name of its kind."""
    files = (path for path in (folder / ".dvc/cache/files/md5").rglob("*") if path.is_file())
    return [
        path.name
        for path in files
        if hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        != f"{path.parent.name}{path.name.removesuffix('.dir')}"
    ]


def unfinished_runs(folder: Path) -> list[str]:
    """Names of MLflow's runs that still count as running."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as store:
        return [name for (name,) in store.execute("SELECT name FROM runs WHERE status = 'RUNNING'")]


def temporary(folder: Path) -> list[str]:
    """What lies in the folder for temporary files of a clone's runs."""
    return sorted(path.name for path in folder.with_suffix(".tmp").iterdir())


def lay(snapshot: Path, folder: Path) -> None:
    """Lay a snapshot where the clone of the last round was: MLflow knows its files by this path."""
    for old in (folder, folder.with_suffix(".tmp")):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(snapshot, folder, symlinks=True)


def change(folder: Path, section: str, key: str, value: object) -> None:
    """Change one setting of a clone."""
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params[section][key] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def _working_in(folder: Path) -> Iterator[str]:
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder):
                yield " ".join(process.cmdline())
        except (psutil.Error, OSError):
            continue
