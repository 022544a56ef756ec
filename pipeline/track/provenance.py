"""What a run was made with, and whether the process that made it still lives."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime

import psutil

from pipeline.track import packages, repository

_SAME_START_S = 2.0  # the start time of one process, read twice, differs by the rounding of the clock


def environment(threads: int) -> dict[str, str]:
    """Tags that say which code, packages and machine a stage runs with.

    Parameters
    ----------
    threads
        TensorFlow's threads as configured; 0 for one a core. Another number gives other weights.
    """
    cores = os.cpu_count() or 1
    at = commit()
    _, tensorflow = packages.installed("tensorflow") or ("", "")
    changed = bool(_git("status", "--porcelain", "--untracked-files=no"))
    tags = lock() | {
        "git.dirty": str(changed).lower() if at else "",
        "mlflow.source.git.commit": at,
        "dvc.exp_name": os.environ.get("DVC_EXP_NAME", ""),
        "dvc.exp_baseline": os.environ.get("DVC_EXP_BASELINE_REV", ""),
        "machine.platform": platform.platform(),
        "machine.cores": str(cores),
        "machine.threads": str(threads or cores),
        "version.python": platform.python_version(),
        "version.tensorflow": tensorflow,
        "mlflow.user": _user(),
    }
    return {name: value for name, value in tags.items() if value}


def lock() -> dict[str, str]:
    """Tag that says what ``dvc.lock`` is at this moment; none where there is none yet."""
    path = repository.LOCK_FILE
    if not path.exists():
        return {}
    return {"dvc.lock.md5": hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}


def process() -> dict[str, str]:
    """Tags by which `is_dead` finds this process again."""
    me = psutil.Process()
    return {
        "process.host": platform.node(),
        "process.pid": str(me.pid),
        "process.started": str(me.create_time()),
    }


def actor() -> str:
    """Who acts here: git's user, else the machine's."""
    return _git("config", "user.name") or _user() or "unknown"


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def commit() -> str:
    """Return the commit that the working folder stands on; "" without git."""
    return _git("rev-parse", "HEAD")


def is_dead(tags: Mapping[str, str]) -> bool:
    """Whether the process of a run ended; of another host's processes nobody here can tell: False."""
    if tags.get("process.host") != platform.node():
        return False
    try:
        started = psutil.Process(int(tags["process.pid"])).create_time()
    except psutil.NoSuchProcess:
        return True
    return bool(abs(started - float(tags["process.started"])) > _SAME_START_S)


def _git(*arguments: str) -> str:
    """Return git's answer, or "" where there is no git, no repository or no commit."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return ""
