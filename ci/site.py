"""A copy of this repository as a hospital would keep it: an origin, DVC's remote, and a developer's clone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[1]
_AUTHOR = ("-c", "user.name=Developer", "-c", "user.email=developer@localhost")


@dataclass(frozen=True)
class Developer:
    """Somebody's clone, from which radiographs and settings are pushed to ``main``."""

    folder: Path

    def run(self, *command: str) -> str:
        """Run a command of this installation there, and return what it prints."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        around = {**os.environ, "PATH": path}
        done = subprocess.run(
            command, cwd=self.folder, env=around, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def git(self, *arguments: str) -> str:
        """Run git there."""
        return self.run("git", *_AUTHOR, *arguments)

    def push(self, message: str) -> list[str]:
        """Commit all, push it to ``main``, and return the files that changed."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("diff-tree", "--root", "--no-commit-id", "--name-only", "-r", "HEAD").splitlines()

    def merge(self, branch: str) -> list[str]:
        """Merge a proposed branch into ``main``, and return the files that this changed."""
        self.git("fetch", "--quiet", "origin")
        before = self.git("rev-parse", "HEAD").strip()
        self.git("merge", "--quiet", f"origin/{branch}")
        self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("diff", "--name-only", before, "HEAD").splitlines()


def found(folder: Path, settings: Mapping[str, Mapping[str, Any]]) -> tuple[Path, Developer]:
    """Make an origin of what git tracks or would track here, with other settings, and a clone of it."""
    origin, storage = folder / "origin.git", folder / "storage"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(origin)], check=True)
    developer = Developer(folder / "developer")
    subprocess.run(
        ["git", "clone", "--quiet", str(origin), str(developer.folder)], check=True, capture_output=True
    )
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (REPOSITORY / name).is_file() and name not in ("dvc.lock", "ledger.jsonl"):
            (developer.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, developer.folder / name)
    path = developer.folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in settings.items():
        params[section] |= values
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    developer.run("dvc", "remote", "add", "--quiet", "--default", "storage", str(storage))
    developer.push("Start")
    return origin, developer
