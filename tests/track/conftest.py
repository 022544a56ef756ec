"""A small repository under git and DVC, with three stages that call the real `stage_run`."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient

from ci.servers import mlflow_server
from pipeline import config
from pipeline.__main__ import ENVIRONMENT
from pipeline.track import runs, waiting
from tests import postgres

TOP = Path(__file__).parents[2]

STAGE = """
import os, signal, sys
from pathlib import Path
from pipeline import config
from pipeline.__main__ import ENVIRONMENT
from pipeline.files.outputs import write_json
from pipeline.track import runs

settings, name, made = config.read(), sys.argv[1], Path(sys.argv[2])
with runs.stage_run(name, settings) as record:
    record.curve({"loss": 0.5}, step=1)
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text(f"made by {name} with {settings.run.seed}")
    if os.environ.get("CRASH") == name:
        raise ValueError("out of films")
    if os.environ.get("KILL") == name:
        os.kill(os.getpid(), signal.SIGKILL)
    figures = {"seed": settings.run.seed, "ece_bins": settings.evaluate.ece_bins, name: {"auroc": 0.75}}
    write_json(settings.paths.report(name) / "metrics.json", figures)
    record.metrics({"undefined": None})
"""

PIPELINE: dict[str, Any] = {
    "stages": {
        "validate": {
            "cmd": "python stage.py validate ${paths.manifest}",
            "deps": ["stage.py", "${data.root}/train", "${data.root}/val", "${data.root}/test"],
            "params": ["data", "run.seed"],
            "outs": ["${paths.manifest}"],
            "metrics": [{"${paths.reports}/validate/metrics.json": {"cache": False}}],
        },
        "train": {
            "cmd": "python stage.py train ${paths.models}/weights.txt",
            "deps": ["stage.py", "${paths.manifest}"],
            "params": ["train", "run.seed"],
            "outs": [{"${paths.models}": {"desc": "the bundle"}}],
            "metrics": [{"${paths.reports}/train/metrics.json": {"cache": False}}],
        },
        "evaluate": {
            "cmd": "python stage.py evaluate ${paths.reports}/evaluate/predictions.csv",
            "deps": ["stage.py", "${paths.manifest}", "${paths.models}/weights.txt"],
            "params": ["evaluate"],
            "outs": ["${paths.reports}/evaluate/predictions.csv"],
            "metrics": [{"${paths.reports}/evaluate/metrics.json": {"cache": False}}],
        },
    }
}


class Repository:
    """A folder with the small pipeline; commands run in it as a user's would.

    Its runs go to the MLflow server at `uri`, or without one to a database in the folder.
    """

    def __init__(self, folder: Path, uri: str = "") -> None:
        self.folder, self.uri = folder, uri
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_"))},
            **ENVIRONMENT,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(TOP),
            "DVC_NO_ANALYTICS": "1",
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.c",
            "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.c",
            "MLFLOW_TRACKING_URI": uri,
        }  # fmt: skip

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command; its output is in the error when it fails."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if check and done.returncode:
            raise RuntimeError(f"{command} failed:\n{done.stdout}\n{done.stderr}")
        return done

    def repro(
        self, *arguments: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return self.run("dvc", "repro", *arguments, check=check, **environment)

    def sync(self) -> runs.Synced:
        """Project this repository, in this process: a new one would import MLflow again."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setenv("MLFLOW_TRACKING_URI", self.uri)
            return runs.sync(config.read())

    def get(self, section: str) -> dict[str, Any]:
        values: dict[str, Any] = yaml.safe_load((self.folder / "params.yaml").read_text())[section]
        return values

    def set(self, section: str, **values: Any) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        params[section] |= values
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    @property
    def store(self) -> str:
        return self.uri or f"sqlite:///{self.folder / 'mlflow.db'}"

    def lose_the_record(self) -> None:
        """Without a server, delete the database; on one, go to an experiment where nothing is."""
        if self.uri:
            self.set("track", experiment=uuid.uuid4().hex)
        else:
            (self.folder / "mlflow.db").unlink()

    def client(self) -> MlflowClient:
        return MlflowClient(self.store)

    def runs(self) -> list[Any]:
        """All runs, oldest first."""
        client = self.client()
        experiment = client.get_experiment_by_name(self.get("track")["experiment"])
        return list(client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"]))

    def artifacts(self, run: Any) -> set[str]:
        """Names of the run's artifacts at the top."""
        return {found.path for found in self.client().list_artifacts(run.info.run_id)}

    def parents(self) -> list[Any]:
        return [run for run in self.runs() if run.data.tags["pipeline.role"] == "pipeline"]

    def children(self, stage: str | None = None) -> list[Any]:
        stages = [run for run in self.runs() if run.data.tags["pipeline.role"] == "stage"]
        return [run for run in stages if stage in (None, run.data.tags["pipeline.stage"])]


def make_repository(folder: Path, uri: str = "") -> Repository:
    """A fresh repository, committed, with four radiographs outside it."""
    for number, split in enumerate(("train", "train", "val", "test")):
        radiographs = folder / "radiographs" / split / "fractured"
        radiographs.mkdir(parents=True, exist_ok=True)
        (radiographs / f"{number}.png").write_bytes(bytes([number]) * 100)
    repository = Repository(folder / "repository", uri)
    repository.folder.mkdir()
    (repository.folder / "stage.py").write_text(STAGE)
    (repository.folder / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE, sort_keys=False))
    (repository.folder / ".gitignore").write_text("mlflow.db\nmlartifacts\n__pycache__\n")
    shutil.copy(TOP / "params.yaml", repository.folder)
    repository.set("data", root=str(folder / "radiographs"))
    repository.run("git", "init", "-q")
    repository.run("dvc", "init", "-q")
    repository.run("git", "add", "-A")
    repository.run("git", "commit", "-qm", "Start")
    return repository


def reproduce(folder: Path, uri: str = "") -> Repository:
    """A repository after its first `dvc repro`, committed."""
    repository = make_repository(folder, uri)
    repository.repro()
    repository.run("git", "add", "-A")
    repository.run("git", "commit", "-qm", "Reproduce")
    return repository


def copy(repository: Repository, folder: Path) -> Repository:
    """Copy a folder; the record of a server, which cannot be copied, is filled anew in an own experiment."""
    shutil.copytree(repository.folder, folder, symlinks=True)
    copied = Repository(folder, repository.uri)
    if copied.uri:
        copied.lose_the_record()
        copied.sync()
    return copied


@pytest.fixture(scope="session")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository after its first `dvc repro`; to be read only."""
    return reproduce(tmp_path_factory.mktemp("baseline"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's server on PostgreSQL, artifacts through it; its address."""
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.running() as database, mlflow_server(tmp_path_factory.mktemp("server"), database) as uri:
        yield uri


@pytest.fixture
def reproduced(baseline: Repository, tmp_path: Path) -> Repository:
    """A repository of the test's own, after its first `dvc repro`."""
    return copy(baseline, tmp_path / "repository")


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that each question to a server may wait, added as it is asked.

    The environment asks for more, which must not count.
    """
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    allowed: list[float] = []

    class Noted(Thread):
        def join(self, timeout: float | None = None) -> None:
            allowed.append(math.inf if timeout is None else timeout)
            super().join(timeout)

    monkeypatch.setattr(waiting, "Thread", Noted)
    return allowed
