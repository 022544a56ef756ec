from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.files import temporary
from tests.imports import REPOSITORY

DIES = """
import os, signal, tempfile
from pipeline.files import temporary
with temporary.gathered():
    tempfile.mkstemp()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_temporary_files_lie_in_one_folder_that_goes_at_the_end(place: Path) -> None:
    with temporary.gathered():
        _, made = tempfile.mkstemp()
        (folder,) = place.iterdir()
        assert Path(made).parent == Path(os.environ["TMPDIR"]) == folder
    assert (list(place.iterdir()), os.environ["TMPDIR"], tempfile.gettempdir()) == (
        [],
        str(place),
        str(place),
    )


@pytest.mark.reliability("temporary files of a killed run", "removed by the next one, others' are not")
def test_what_a_killed_process_left_goes_with_the_next_and_nothing_else(place: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", DIES], cwd=REPOSITORY, check=False)
    kept = {place / f".{os.getppid()}-fracture-alive", place / ".1-other", place / "tmpabc"}
    for folder in kept:
        folder.mkdir()
    assert killed.returncode == -9
    assert len(set(place.iterdir()) - kept) == 1
    with temporary.gathered():
        pass
    assert set(place.iterdir()) == kept
