"""A wheel works in any folder: it carries the settings' defaults and the released model, and answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from pipeline.files import images
from tests.imports import REPOSITORY
from tests.test_released_model import EXPECTED, PICTURES, release

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "params.yaml")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this repository, installed by pip into a folder of its own."""
    pytest.importorskip("setuptools", minversion="80")
    source = tmp_path_factory.mktemp("source") / "repository"
    source.mkdir()
    for name in SOURCES:
        shutil.copy(REPOSITORY / name, source)
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("pipeline", "models/released"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=unwanted)
    wheels, folder = (tmp_path_factory.mktemp(name) for name in ("wheels", "installed"))
    call(source, sys.executable, "-c", BUILD, str(wheels))
    (wheel,) = wheels.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check")
    call(wheels, *pip, "install", "--no-deps", "--no-index", "--target", str(folder), str(wheel))
    return folder


def call(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def fracture(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    around = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return subprocess.run(
        [str(installed / "bin/fracture"), *arguments],
        cwd=folder,
        env=around | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_carries_the_settings_the_pages_and_the_released_model(installed: Path) -> None:
    assert (installed / "pipeline/params.yaml").read_bytes() == (REPOSITORY / "params.yaml").read_bytes()
    carried, here = installed / "pipeline/released" / release().name, release()
    assert {path.name: path.read_bytes() for path in carried.iterdir()} == {
        path.name: path.read_bytes() for path in here.iterdir()
    }
    templates = sorted(path.name for path in (REPOSITORY / "pipeline/report/templates").iterdir())
    assert sorted(path.name for path in (installed / "pipeline/report/templates").iterdir()) == templates
    assert list(installed.glob("tests*")) == []


def test_it_bears_the_version_and_its_types_are_checked_by_those_who_import_it(installed: Path) -> None:
    (found,) = metadata.distributions(name="fracture-pipeline", path=[str(installed)])
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert found.version == project["version"]
    assert (installed / "pipeline/py.typed").is_file()


def test_the_installed_command_answers_outside_the_repository(installed: Path, tmp_path: Path) -> None:
    images.write(tmp_path / "shaft.png", PICTURES["shaft"])
    done = fracture(installed, tmp_path, "predict", "shaft.png", "--json", "--out", "answer")
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout)
    assert answer["probability"] == pytest.approx(EXPECTED["shaft"][0], abs=0.002)
    assert answer["model"]["name"] == f"released {release().name}"
    assert (tmp_path / "answer" / answer["overlay"]).is_file()


def test_a_damaged_release_is_named_by_its_place_in_the_package(installed: Path, tmp_path: Path) -> None:
    copy, work = tmp_path / "copy", tmp_path / "work"
    shutil.copytree(installed, copy)
    seal = copy / "pipeline/released" / release().name / "bundle.json"
    seal.write_text("no seal")
    work.mkdir()
    (work / "wrist.png").write_bytes(b"")
    done = fracture(copy, work, "predict", "wrist.png")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"ERROR pipeline: {seal} is damaged.")
    assert [path.name for path in work.iterdir()] == ["wrist.png"]
