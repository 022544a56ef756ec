"""What DVC does with files that a user put among the phantoms."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests import cloning

SMALL = {"train": 8, "val": 8, "test": 8, "min_side_px": 128, "max_side_px": 140}
MINE = "train/fractured/mine.jpg"
RADIOGRAPH = b"the only copy"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return cloning.copy(tmp_path, {"phantoms": SMALL, "run": {"workers": 1}})


def put(clone: Path) -> Path:
    path = clone / "Data/phantoms" / MINE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(RADIOGRAPH)
    return path


def is_refused(clone: Path) -> bool:
    command = ("dvc", "repro", "phantoms")
    done = subprocess.run(command, cwd=clone, env=cloning.ENVIRONMENT, capture_output=True, text=True)
    return done.returncode != 0 and f"Received: other files (1): {MINE}." in done.stdout + done.stderr


@pytest.mark.reliability("a user's radiograph where phantoms are drawn", "F before anything is removed")
def test_a_first_repro_refuses_a_users_radiograph_and_keeps_it(clone: Path) -> None:
    mine = put(clone)
    assert is_refused(clone)
    assert mine.read_bytes() == RADIOGRAPH


@pytest.mark.reliability("a user's radiograph among phantoms that are drawn anew", "F, the file stays")
def test_phantoms_are_drawn_anew_until_a_user_puts_a_radiograph_there(clone: Path) -> None:
    cloning.run(clone, "dvc", "repro", "phantoms")
    params = yaml.safe_load((clone / "params.yaml").read_text())
    params["phantoms"]["test"] = 12
    (clone / "params.yaml").write_text(yaml.safe_dump(params))
    cloning.run(clone, "dvc", "repro", "phantoms")
    assert len(list((clone / "Data/phantoms").glob("test/*/test-00??.*"))) == 12
    mine = put(clone)
    assert is_refused(clone)
    assert mine.read_bytes() == RADIOGRAPH
