"""The machine: Python, packages, TensorFlow, disk and memory."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from pipeline.commands.checks.check import OK, PROBLEM, WARNING, Check

_PYTHONS = ((3, 11), (3, 14))  # from, and below
INSTALL = "Install again: pip install --no-deps --require-hashes -r requirements.lock"
_GB = 2**30
_DISK_GB, _FULL_GB, _MEMORY_GB = 5, 1, 4
_GPU = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"
_IMPORT_S = 180


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
        return Check("packages", PROBLEM, ", ".join(wrong), INSTALL)
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
        return Check("tensorflow", PROBLEM, last, INSTALL)
    gpus = int(process.stdout.split()[-1])
    return Check("tensorflow", OK, f"{gpus} GPU" if gpus else "no GPU: it works on the processor")


def disk() -> Check:
    """Whether there is room for shards, checkpoints and DVC's cache."""
    free = shutil.disk_usage(Path.cwd()).free / _GB
    status = PROBLEM if free < _FULL_GB else WARNING if free < _DISK_GB else OK
    mend = "" if status == OK else "Make room; `fracture gc` removes what nothing needs any more."
    return Check("disk", status, f"{free:.1f} GB free", mend)


def memory() -> Check:
    """Whether training at the default canvas fits."""
    import psutil

    total = psutil.virtual_memory().total / _GB
    mend = "" if total >= _MEMORY_GB else "Lower train.batch_size and run.workers."
    detail = f"{os.cpu_count()} cores, {total:.1f} GB"
    return Check("memory", OK if total >= _MEMORY_GB else WARNING, detail, mend)
