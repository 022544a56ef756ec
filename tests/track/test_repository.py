"""A real `dvc.yaml` read through DVC."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from pipeline.track import repository
from pipeline.track.state import NoPipelineError


def test_a_folder_without_a_pipeline_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoPipelineError, match=r"dvc\.yaml"):
        repository.read()


def test_the_pipeline_is_read_as_dvc_recorded_it(baseline):
    with contextlib.chdir(baseline.folder):
        read = repository.read()
    assert [stage.name for stage in read.current()] == ["validate", "train", "evaluate"]
    assert read["validate"].now.command == "python stage.py validate Data/manifest.csv"
    root = baseline.get("data")["root"]
    assert read["validate"].leaves == {"stage.py", *(f"{root}/{split}" for split in ("train", "val", "test"))}
    assert read["evaluate"].upstream == {
        "validate",
        "train",
    }  # it reads a file inside the folder that train makes
    assert read["train"].now.settings["train.learning_rate"] == baseline.get("train")["learning_rate"]


def test_before_a_pull_the_hashes_of_the_lock_stand_in(reproduced):
    with contextlib.chdir(reproduced.folder):
        before = repository.read()
        reproduced.run("git", "clean", "-qfdX")  # as a clone: all that DVC keeps is gone
        after = repository.read()
    assert not (reproduced.folder / "models").exists()
    assert after == before


def test_a_float_like_1e_05_is_the_same_in_lock_and_settings(reproduced):
    """PyYAML reads the `1e-05` that DVC writes as text."""
    reproduced.set("train", learning_rate=0.00001)
    reproduced.run("dvc", "commit", "-q", "-f", "train")
    with contextlib.chdir(reproduced.folder):
        assert repository.read()["train"].matches_lock


def test_the_state_is_of_the_main_repository_in_a_temporary_one(baseline, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", "/main")
    with contextlib.chdir(baseline.folder):
        assert repository.read().root == Path("/main")
