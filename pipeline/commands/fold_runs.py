"""Runs the pipeline once a fold, in a copy of the repository that shares the cache and MLflow with it.

The copy is made once, at the start, and lies in ``.dvc/tmp/folds``: settings and code that change later
change no fold. Radiographs are not copied but named by absolute paths. A killed run goes on where it was: the
copy keeps its ``dvc.lock``, a training its checkpoint in the repository. docs/how-to/small-sets.md says why
that is not `dvc exp run --temp`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from zc.lockfile import LockError, LockFile

from pipeline.config import PARAMS_FILE, Config
from pipeline.dataset import released
from pipeline.files import outputs
from pipeline.track import dvc_commands, repository

_KEY = "folds.key"  # in the copy: of which state it is; written last
_PATHS = (("data", "root"), ("data", "annotations"), ("data", "labels"), ("validate", "pinned_manifest"))


@dataclass(frozen=True)
class Copy:
    """A copy of the repository for one state of it.

    Attributes
    ----------
    folder
        Where it lies.
    root
        The repository.
    settings
        The sections of params.yaml, with paths that hold in the copy.
    key
        Of the state: see :meth:`pipeline.track.state.Pipeline.folds_key`.
    """

    folder: Path
    root: Path
    settings: dict[str, Any]
    key: str

    def name(self, fold: int) -> str:
        """Name by which MLflow knows the runs of a fold."""
        return f"fold-{fold}-of-{self.settings['validate']['folds']}-{self.key[:8]}"

    def run(self, fold: int) -> float:
        """Run the pipeline to the end for one fold, and return the seconds that it took.

        Raises
        ------
        ValueError
            A stage failed.
        """
        chosen = self.settings["validate"] | {"fold": fold}
        text = yaml.safe_dump(self.settings | {"validate": chosen}, sort_keys=False)
        outputs.write_text(self.folder / PARAMS_FILE, text)
        started = time.monotonic()
        # A run cache does not know of which release a training started.
        anew = ["--no-run-cache"] if self.settings["train"]["weights"] == released.WEIGHTS else []
        done = subprocess.run(
            [sys.executable, "-m", "dvc", "repro", *anew, "region_maps"],
            cwd=self.folder, env=self._environment(fold), stdout=2, check=False,
            preexec_fn=partial(outputs.die_with_parent, os.getpid()),
        )  # fmt: skip
        if done.returncode:
            raise ValueError(
                f"fold {fold} must run to its end. Received: exit code {done.returncode} of `dvc repro`; "
                "what failed stands above. Mend it, and run `fracture folds` again: it goes on from there."
            )
        return time.monotonic() - started

    def _environment(self, fold: int) -> dict[str, str]:
        """Let the repository keep checkpoints and MLflow's database, and this python run the stages."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        return os.environ | {"DVC_ROOT": str(self.root), "DVC_EXP_NAME": self.name(fold), "PATH": path}


@contextmanager
def copied(config: Config, root: Path, n_folds: int, key: str) -> Iterator[Copy]:
    """Yield a copy of the repository as it is now, or the one that a killed call left of the same state.

    It is removed at a clean end.

    Raises
    ------
    ValueError
        Folds run here already, or there is no git.
    """
    folder = root / ".dvc" / "tmp" / "folds"
    with _alone(folder.with_suffix(".lock")):
        tracked = _files(root)
        if not _is_of(folder, key):
            _copy(root, folder, tracked)
        settings = _settings(config, n_folds, root, {*tracked})
        if not _is_of(folder, key):
            repository.configure_copy(folder, root)
            outputs.write_text(folder / _KEY, key)
        dvc_commands.forget_dead(folder / dvc_commands.FILE)  # of a call before, whose DVC died with it
        yield Copy(folder, root, settings, key)
        shutil.rmtree(folder)


def _is_of(folder: Path, key: str) -> bool:
    path = folder / _KEY
    return path.is_file() and path.read_text(encoding="utf-8") == key


def _files(root: Path) -> list[str]:
    """List what git tracks or would track, but for results."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=root, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.CalledProcessError) as error:
        raise ValueError(
            f"`fracture folds` needs the repository in git, of which it copies the files. Received: {error}."
        ) from None
    lock = str(repository.LOCK_FILE)
    return [name for name in listed.split("\0") if name and name != lock and (root / name).is_file()]


def _copy(root: Path, folder: Path, names: list[str]) -> None:
    """Copy files, links as what they lead to."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, folder / name)


def _settings(config: Config, n_folds: int, root: Path, tracked: set[str]) -> dict[str, Any]:
    """Take all settings: k-fold, no perturbations, which are not pooled, and paths that hold in the copy."""
    settings = config.model_dump(mode="json", by_alias=True)
    settings["validate"] |= {"split": "kfold", "folds": n_folds}
    settings["evaluate"] |= {"robustness_radiographs": 0}
    linked = (str((root / path).absolute()) for path in config.data.trusted_links)
    settings["data"]["trusted_links"] = [*linked]
    phantoms = config.paths.phantoms
    for section, key in (*_PATHS, ("train", "weights")):
        path = Path(settings[section][key])
        is_made = path == phantoms or phantoms in path.parents  # drawn in the copy, too
        if not is_made and str(path) not in tracked and (root / path).exists():
            settings[section][key] = str((root / path).absolute())
    return settings


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock that the operating system releases when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = LockFile(str(path))
    except LockError:
        raise ValueError(
            f"one `fracture folds` at a time runs in a repository. Received: {path}, held by another one; "
            "its number stands in the file. End that one, or wait for it."
        ) from None
    try:
        yield
    finally:
        lock.close()
