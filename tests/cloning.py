"""A copy of this repository in a folder of its own, and commands run inside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.imports import REPOSITORY

_OURS = ("MLFLOW_", "DVC_")
_RESULTS = ("reports/", "dvc.lock", "models/released/")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
    "SHELL": "/bin/sh",  # by which DVC starts stages: what it takes where nothing is set, as in CI
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
}


def copy(folder: Path, settings: Mapping[str, Mapping[str, Any]]) -> Path:
    """Copy all that git tracks or would track, without results, and change some settings."""
    names = run(REPOSITORY, "git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in filter(None, names.split("\0")):
        if (REPOSITORY / name).is_file() and not name.startswith(_RESULTS):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    for section, values in settings.items():
        params[section] |= values
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    run(folder, "git", "init", "--quiet")
    return folder


def run(folder: Path, *command: str) -> str:
    """Run a command and return what it prints; its failure shows the end of both streams."""
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done.stdout
