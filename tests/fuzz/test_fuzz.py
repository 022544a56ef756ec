"""Inputs changed at random: no error but our own, none that computes for 5 s, none that takes a gibibyte.

Here a minute for all targets, in a slow test ten. FUZZ_SEED repeats a run; the slow one draws its own.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import cloning
from tests.fuzz.targets import TARGETS
from tests.imports import REPOSITORY

SECONDS = {  # of a minute; the last two load TensorFlow
    "pictures": 8, "dicom": 8, "annotations": 3, "labels": 4, "params": 4, "bundle": 10, "served": 9,
}  # fmt: skip
SLOW = 13
_PATIENCE_S = 300  # for a worker that waits for something without computing
EXPECTED = {
    "pictures": ("changed bytes of JPEG, PNG, GIF, BMP, WebP, TIFF", "a fault of that file"),
    "dicom": ("changed bytes and elements of DICOM", "a fault of that file"),
    "annotations": ("changed COCO files", "read, or an error that names the file"),
    "labels": ("changed tables of labels", "read, or an error that names the file"),
    "params": ("changed params.yaml", "read, or an error that names the file"),
    "bundle": ("changed files of a bundle, sealed anew", "loaded, or an error that names the file"),
    "served": ("odd rows sent to the served model", "each row is answered, the sound one with a probability"),
}
EACH = [pytest.param(name, marks=pytest.mark.reliability(*EXPECTED[name])) for name in TARGETS]


@pytest.mark.parametrize("target", EACH)
def test_a_minute_finds_no_foreign_error_no_hang_and_no_flood(target: str, tmp_path: Path) -> None:
    check(target, int(os.environ.get("FUZZ_SEED", "0")), SECONDS[target], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("target", EACH)
def test_ten_minutes_find_none_either(target: str, tmp_path: Path) -> None:
    check(
        target, int(os.environ.get("FUZZ_SEED", secrets.randbelow(10**6))), SLOW * SECONDS[target], tmp_path
    )


def check(target: str, seed: int, seconds: float, folder: Path) -> None:
    tried, found = fuzz(target, seed, seconds, folder)
    lines = [
        f"{kind}\n    {told['message']}\n    python -m tests.fuzz.again {target} '{told['file']}'"
        for kind, told in found.items()
    ]
    assert not found, f"{target}, FUZZ_SEED={seed}, {tried} tried:\n" + "\n".join(lines)
    assert tried


def fuzz(target: str, seed: int, seconds: float, folder: Path) -> tuple[int, dict[str, dict[str, str]]]:
    """Run workers until the time is over: one that dies is a finding, and another goes on."""
    end, tried, found, alive = time.monotonic() + seconds, 0, {}, False
    while not alive:
        done = work(target, seed, max(1.0, end - time.monotonic()), folder)
        alive = done.returncode == 0
        if alive:
            said = json.loads(done.stdout.splitlines()[-1])
            tried, found = tried + said["tried"], found | said["failures"]
        else:
            seed += 1
            found |= {f"died of {done.returncode}": _death(done.stderr, folder / f"died-{seed}")}
        alive = alive or time.monotonic() > end
    return tried, found


def work(target: str, seed: int, seconds: float, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz.worker", target, str(seed), str(seconds), str(folder)]
    environment: dict[str, Any] = {**cloning.ENVIRONMENT, "TMPDIR": str(folder)}
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True,
        timeout=seconds + _PATIENCE_S, check=False,
    )  # fmt: skip


def _death(stderr: str, kept: Path) -> dict[str, str]:
    """Keep the input that a worker died of: five seconds of computing, or what no Python survives."""
    (current,) = kept.parent.glob("current-*")
    shutil.copy(current, kept.with_name(f"{kept.name}{current.name.removeprefix('current')}"))
    return {"message": stderr[-1500:], "file": str(kept) + current.name.removeprefix("current")}
