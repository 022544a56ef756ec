"""A job of a workflow, walked step by step on this machine as the CI service would."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ci import workflow
from ci.workflow import Job, Step

log = logging.getLogger("ci")

_OURS = ("DVC_", "GIT_", "GITHUB_", "MLFLOW_")
_LAST_LINES = 30  # of what a failed step said


class StepError(RuntimeError):
    """A step failed."""


@dataclass(frozen=True)
class Runner:
    """Where jobs run, and what they are told.

    Attributes
    ----------
    origin
        The repository that is cloned.
    folder
        Each job gets a folder of its own in it.
    known
        What expressions may name: ``github.token``, ``vars.SHOW_MAPS``.
    env
        What the service itself puts into the environment.
    """

    origin: Path
    folder: Path
    known: Mapping[str, str]
    env: Mapping[str, str]

    def walk(self, name: str, job: Job, env: Mapping[str, str]) -> dict[str, str]:
        """Walk all steps of a job in a fresh clone, and return the job's outputs.

        Raises
        ------
        StepError
            A step failed; its last lines are in the message.
        """
        number = sum(path.is_dir() for path in self.folder.glob("job-*")) + 1
        folder = self.folder / f"job-{number}-{name}"
        known, path = dict(self.known), os.environ["PATH"]
        for position, step in enumerate(job.steps, start=1):
            if step.run:
                said = {
                    key: workflow.resolve(value, known)
                    for key, value in {**env, **job.env, **step.env}.items()
                }
                given = self._environment(folder, path) | said
                log_file = self.folder / f"{folder.name}-{position:02d}.log"
                _execute(name, step, folder, given, log_file)
                known |= {f"steps.{step.id}.outputs.{key}": value for key, value in _read(folder, "output")}
                path = os.pathsep.join([*(line for line, _ in _read(folder, "path")), path])
            elif step.uses.startswith("actions/checkout@"):
                self._check_out(folder, workflow.resolve(step.inputs.get("ref", "main"), known))
        return {key: workflow.resolve(value, known) for key, value in job.outputs.items()}

    def _environment(self, folder: Path, path: str) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
        files = {"GITHUB_OUTPUT": f"{folder}.output", "GITHUB_PATH": f"{folder}.path"}
        for file in files.values():
            Path(file).write_text("", encoding="utf-8")
        # The package is installed here from another folder; the job's own is the one that is meant.
        return {**inherited, **self.env, **files, "PATH": path, "PYTHONPATH": str(folder), "CI": "true"}

    def _check_out(self, folder: Path, ref: str) -> None:
        """Clone, and lay an installed environment there, as a runner's cache would."""
        subprocess.run(["git", "clone", "--quiet", str(self.origin), str(folder)], check=True)
        subprocess.run(["git", "checkout", "--quiet", "--detach", ref], cwd=folder, check=True)
        (folder / ".venv").mkdir()
        for entry in Path(sys.prefix).iterdir():
            (folder / ".venv" / entry.name).symlink_to(entry)
        for file in ("requirements.lock", "pyproject.toml"):
            os.utime(folder / file, (0, 0))
        (folder / ".venv/ready").unlink(missing_ok=True)
        (folder / ".venv/ready").touch()


def _execute(job: str, step: Step, folder: Path, env: Mapping[str, str], output: Path) -> None:
    started = time.monotonic()
    with output.open("w", encoding="utf-8") as file:
        command = ["bash", "-e", "-o", "pipefail", "-c", step.run]
        done = subprocess.run(
            command, cwd=folder, env=env, stdout=file, stderr=subprocess.STDOUT, check=False
        )
    log.info("%5.0f s  %s: %s", time.monotonic() - started, job, step.run)
    if done.returncode:
        last = "\n".join(output.read_text(encoding="utf-8").splitlines()[-_LAST_LINES:])
        raise StepError(
            f"`{step.run}` must succeed. Received: exit code {done.returncode} in {folder}. "
            f"The end of {output}:\n{last}"
        )


def _read(folder: Path, kind: str) -> list[tuple[str, str]]:
    """Read what a step told the service: ``name=value``, or paths."""
    lines = Path(f"{folder}.{kind}").read_text(encoding="utf-8").splitlines()
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]
