"""A wheel works in any folder: it carries the settings' defaults and the released model."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.imports import REPOSITORY

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
WHICH = """
import sys
from pipeline import config
from pipeline.registry import model_choice
with model_choice.opened(config.read_anywhere(), None) as found:
    print(found.name, found.folder)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with a released model that is none, unpacked as pip would."""
    pytest.importorskip("setuptools", minversion="80")
    source = tmp_path_factory.mktemp("source") / "repository"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "params.yaml"):
        shutil.copy(REPOSITORY / name, source)
    shutil.copytree(
        REPOSITORY / "pipeline", source / "pipeline", ignore=shutil.ignore_patterns("__pycache__")
    )
    (source / "models/released/made").mkdir(parents=True)
    (source / "models/released/made/bundle.json").write_text('{"files": {}}')
    wheels, unpacked = (tmp_path_factory.mktemp(name) for name in ("wheels", "unpacked"))
    subprocess.run(
        [sys.executable, "-c", BUILD, str(wheels)], cwd=source, check=True, capture_output=True, timeout=300
    )
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    return unpacked


def run(installed: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    around = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=around | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_carries_the_settings_the_pages_and_the_released_model(installed: Path) -> None:
    assert (installed / "pipeline/params.yaml").read_bytes() == (REPOSITORY / "params.yaml").read_bytes()
    assert (installed / "pipeline/released/made/bundle.json").is_file()
    templates = sorted(path.name for path in (REPOSITORY / "pipeline/report/templates").iterdir())
    assert sorted(path.name for path in (installed / "pipeline/report/templates").iterdir()) == templates
    assert list(installed.glob("tests*")) == []


def test_predict_finds_its_settings_and_the_released_model_in_any_folder(
    installed: Path, tmp_path: Path
) -> None:
    (installed / "pipeline/released/made/bundle.json").write_text("no seal")
    (tmp_path / "wrist.png").write_bytes(b"")
    done = run(installed, tmp_path, "-m", "pipeline", "predict", "wrist.png")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        f"ERROR pipeline: {installed / 'pipeline/released/made/bundle.json'} is damaged."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["wrist.png"]
