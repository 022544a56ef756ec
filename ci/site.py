"""A hospital's copy of this repository: an origin, DVC's remote, a developer's clone, and the jobs of CI."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ci import job

log = logging.getLogger("ci")

REPOSITORY = Path(__file__).parents[1]
DATA = "Data/radiographs"
_FORGE = {"BASE": "main", "FORGE_TOKEN": "no secret"}
# The lists of `ci.job` that a job calls, and what each call alone finds in its environment: as on GitHub.
CALLS: dict[str, dict[str, dict[str, str]]] = {
    "check": {"check": {}},  # and `make test`, but who rehearses may be one
    "packages": {"packages": {}},  # who rehearses may have no network
    "retrain": {"retrain": {"REASON": ""}, "propose": _FORGE | {"SHOW_MAPS": "true"}},
    "promote": {"promote": _FORGE | {"REASON": ""}, "record": _FORGE},
    "slow": {},  # `make test-slow`, hours
}
_AUTHOR = ("-c", "user.name=Developer", "-c", "user.email=developer@localhost")
_OURS = ("DVC_", "GIT_", "GITHUB_", "MLFLOW_")
_LAST_LINES = 30  # of what a failed call said


class RehearsalError(AssertionError):
    """CI would not have done what it is for."""


@dataclass(frozen=True)
class Site:
    """A folder that holds all of it, and what the CI service puts into the environment of each job."""

    folder: Path
    env: Mapping[str, str]

    @property
    def clone(self) -> Path:
        """The developer's clone."""
        return self.folder / "developer"

    def create(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Make an origin of what git tracks or would track here, with other settings, and the clone."""
        self.clone.mkdir()
        self.develop("git", "init", "--quiet", "--bare", "--initial-branch=main", "../origin.git")
        self.develop("git", "init", "--quiet", "--initial-branch=main")
        self.develop("git", "remote", "add", "origin", "../origin.git")
        names = self.develop(
            "git", "-C", str(REPOSITORY), "ls-files", "--cached", "--others", "--exclude-standard", "-z"
        )
        for name in filter(None, names.split("\0")):
            if (REPOSITORY / name).is_file() and name not in ("dvc.lock", "ledger.jsonl"):
                (self.clone / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, self.clone / name)
        params = yaml.safe_load((self.clone / "params.yaml").read_text(encoding="utf-8"))
        for section, values in settings.items():
            params[section] |= values
        (self.clone / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
        self.develop("dvc", "remote", "add", "--quiet", "--default", "storage", str(self.folder / "storage"))
        self.push("Start")

    def drop(self, counts: Mapping[str, int]) -> None:
        """Draw radiographs, the earlier ones among them where counts have grown; push data and pointer."""
        from pipeline import config, phantoms

        settings = config.read(self.clone / "params.yaml").phantoms.model_copy(update=dict(counts))
        shutil.rmtree(self.clone / DATA, ignore_errors=True)
        number = phantoms.write(self.clone / DATA, settings, seed=1, workers=0)
        self.develop("dvc", "add", "--quiet", DATA)
        self.develop("dvc", "push", "--quiet", DATA)
        self.push(f"Bring {number} radiographs")
        log.info("data drop: now %d radiographs", number)

    def develop(self, *command: str) -> str:
        """Run a command of this installation in the clone, and return what it prints."""
        env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(command, cwd=self.clone, env=env, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    def push(self, message: str) -> None:
        """Commit all that the developer changed, and push it to ``main``."""
        self.develop("git", "add", "--all")
        self.develop("git", *_AUTHOR, "commit", "--quiet", "--message", message)
        self.develop("git", "push", "--quiet", "origin", "HEAD:main")

    def merge(self, branch: str) -> None:
        """Merge a proposed branch into ``main``."""
        self.develop("git", *_AUTHOR, "pull", "--quiet", "--no-rebase", "origin", branch)
        self.develop("git", "push", "--quiet", "origin", "HEAD:main")

    def walk(self, name: str, ref: str = "main", **variables: str) -> dict[str, str]:
        """Make all calls of a job in a fresh clone of a commit, and return what it tells the next job.

        Raises
        ------
        RehearsalError
            A call failed; its last lines are in the message.
        """
        folder = self.folder / f"job-{len(list(self.folder.glob('job-*/'))) + 1}-{name}"
        _check_out(self.folder / "origin.git", ref, folder)
        outputs, paths = Path(f"{folder}.output"), Path(f"{folder}.path")
        env = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
        # The package is installed here from another folder; the job's own is the one that is meant.
        env |= {"PYTHONPATH": str(folder), "GITHUB_OUTPUT": str(outputs), "GITHUB_PATH": str(paths)}
        env |= {"CI": "true", **self.env, **variables}
        call("ci/install", folder, env, Path(f"{folder}-install.log"))
        env["PATH"] = os.pathsep.join([*paths.read_text(encoding="utf-8").splitlines(), env["PATH"]])
        for steps, alone in CALLS[name].items():
            call(f"python -m ci.job {steps}", folder, env | alone, Path(f"{folder}-{steps}.log"))
        lines = outputs.read_text(encoding="utf-8").splitlines() if outputs.exists() else []
        return dict(line.split("=", 1) for line in lines)


def _check_out(origin: Path, ref: str, folder: Path) -> None:
    """Clone, and lay an installed environment there, as a runner's cache would."""
    subprocess.run(["git", "clone", "--quiet", str(origin), str(folder)], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", ref], cwd=folder, check=True)
    (folder / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.name != "ready":
            (folder / ".venv" / entry.name).symlink_to(entry)
    (folder / ".venv/ready").touch()  # newer than requirements.lock: `make` has nothing to install


def call(command: str, folder: Path, env: Mapping[str, str], output: Path) -> None:
    """Run a command, keep in a file what it says, and show how each of its steps ended.

    Raises
    ------
    RehearsalError
        It failed; its last lines are in the message.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with output.open("w", encoding="utf-8") as file, subprocess.Popen(
        shlex.split(command), cwd=folder, env=env,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            file.write(line)
            last.append(line)
            if line.startswith(job.END):
                log.info("%s: %s", folder.name, line.removeprefix(job.END).strip())
    if process.returncode:
        raise RehearsalError(
            f"`{command}` must succeed. Received: exit code {process.returncode} in {folder}. "
            f"The end of {output}:\n{''.join(last)}"
        )
