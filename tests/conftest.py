"""What all tests share: where the data lies, how hypothesis works, and a quiet TensorFlow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from pipeline import config
from pipeline.__main__ import ENVIRONMENT
from tests.imports import REPOSITORY

os.environ.setdefault("DVC_NO_ANALYTICS", "1")  # repositories made in tests ask no server
for name, value in ENVIRONMENT.items():  # before anything imports TensorFlow or MLflow
    os.environ.setdefault(name, value)

# The cores are shared: how long one example takes says nothing about the code.
settings.register_profile("shared_cores", deadline=None, max_examples=50)
settings.load_profile("shared_cores")

SHARED = REPOSITORY.parent / "shared/data"

pytest_plugins = ["tests.reliability.page"]


@pytest.fixture(scope="session")
def fracatlas() -> Path:
    """Real radiographs with fracture polygons."""
    return _shared("fracatlas")


@pytest.fixture(scope="session")
def faulty() -> Path:
    """Files with known faults, and their answer key."""
    return _shared("faulty")


@pytest.fixture(scope="session")
def params() -> config.Config:
    """The settings of the repository."""
    return config.read(REPOSITORY / "params.yaml")


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    return folder
