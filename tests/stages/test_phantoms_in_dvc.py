"""No command of DVC that people use removes what a user put among the phantoms."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests import cloning

SMALL = {"train": 8, "val": 8, "test": 8, "min_side_px": 128, "max_side_px": 140}
COMMANDS = [
    "repro",
    "repro --force",
    "checkout",
    "checkout --force",
    "exp run",
    "exp run --temp",
    "gc --workspace -f",
]
MINE = "train/fractured/mine.jpg"
RADIOGRAPH = b"the only copy"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return cloning.copy(tmp_path, {"phantoms": SMALL, "run": {"workers": 1}})


def put(clone: Path) -> Path:
    path = clone / ".phantoms" / MINE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(RADIOGRAPH)
    return path


def refused(clone: Path) -> bool:
    command = ("dvc", "repro", "phantoms")
    done = subprocess.run(command, cwd=clone, env=cloning.ENVIRONMENT, capture_output=True, text=True)
    said = f"Received: files put or changed there (1): {MINE}."
    return done.returncode != 0 and said in done.stdout + done.stderr


@pytest.mark.reliability(
    "radiographs put into the phantoms' folder, before a first repro", "refused and kept"
)
def test_a_first_repro_refuses_a_users_radiograph_and_keeps_it(clone: Path) -> None:
    mine = put(clone)
    assert refused(clone)
    assert mine.read_bytes() == RADIOGRAPH


@pytest.mark.reliability(
    "radiographs put among drawn phantoms; repro, checkout, exp run and gc, forced too", "kept by all of them"
)
def test_phantoms_are_drawn_anew_until_a_user_puts_a_radiograph_there(clone: Path) -> None:
    cloning.run(clone, "dvc", "repro", "phantoms")
    params = yaml.safe_load((clone / "params.yaml").read_text())
    params["phantoms"]["test"] = 12
    (clone / "params.yaml").write_text(yaml.safe_dump(params))
    cloning.run(clone, "dvc", "repro", "phantoms")
    assert len(list((clone / ".phantoms").glob("test/*/test-00??.*"))) == 12
    commit(clone)
    mine = put(clone)
    assert refused(clone)
    for command in COMMANDS:
        words = [*command.split(), *(["phantoms"] if "gc" not in command else [])]
        subprocess.run(["dvc", *words], cwd=clone, env=cloning.ENVIRONMENT, capture_output=True)
        assert mine.read_bytes() == RADIOGRAPH, command


def commit(clone: Path) -> None:
    """`dvc exp run` asks for a commit."""
    cloning.run(clone, "git", "add", "--all")
    cloning.run(clone, "git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "all")
