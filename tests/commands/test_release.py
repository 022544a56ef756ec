"""What no release is made of. One that is made is tested in tests/test_end_to_end.py."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import yaml

from pipeline import config as settings
from pipeline.commands import release
from tests.imports import REPOSITORY


@pytest.fixture
def config(work):
    return settings.read()


def test_another_name_is_refused_until_the_older_one_is_removed(config, work):
    (work / "models/released/old").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"Received: new, beside old\. Remove"):
        release.run(config, "new", work / "params.yaml", "", folds=False, as_json=False)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("../up", b"CC BY", "NAME must be"),
        ("made", b" \n", "which is empty"),
        ("made", b"\xff", "UTF-8"),
        ("made", b"CC BY", r"bundle\.json is missing"),
    ],
)
@pytest.mark.reliability(
    "`release` with a bad name, a bad attribution or no bundle", "refused, nothing written"
)
def test_what_makes_no_release_is_refused(config, work, name, text, words):
    (work / "credit.md").write_bytes(text)
    with pytest.raises(ValueError, match=words):
        release.run(config, name, work / "credit.md", "", folds=False, as_json=False)
    assert not (work / "models").exists()


def test_a_large_release_is_refused_with_its_sizes(work, monkeypatch):
    (work / "made").mkdir()
    (work / "made/classifier.keras").write_bytes(bytes(3 * 2**20))
    (work / "made/model_card.md").write_bytes(bytes(2**20))
    monkeypatch.setattr(release, "MOST_BYTES", 4 * 2**20)
    release.require_small(work / "made")
    monkeypatch.setattr(release, "MOST_BYTES", 2 * 2**20)
    with pytest.raises(ValueError, match=r"4\.0 MiB: classifier\.keras 3\.00 MiB, model_card\.md 1\.00 MiB"):
        release.require_small(work / "made")


def test_git_takes_a_release_and_dvc_leaves_it(tmp_path):
    """Whatever DVC removes before a stage is a file within models/, never the folder."""
    stages = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
    outs = [out for stage in stages.values() for out in stage["outs"] if "paths.models" in str(out)]
    assert len(outs) == 9
    assert all("." in out.removeprefix("${paths.models}/") and "released" not in out for out in outs)
    shutil.copytree(REPOSITORY / "models", tmp_path / "models", ignore=shutil.ignore_patterns("[!.]*"))
    shutil.copy(REPOSITORY / ".gitignore", tmp_path)
    (tmp_path / "models/released/made").mkdir(parents=True)
    names = [f"models/released/made/{name}" for name in ("classifier.keras", "bundle.json", "learnt.npy")]
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    ignored = subprocess.run(["git", "check-ignore", *names], cwd=tmp_path, capture_output=True, text=True)
    assert (ignored.returncode, ignored.stdout) == (1, "")


def test_a_stage_that_runs_again_leaves_the_release(tmp_path):
    stage = {"cmd": "echo made > models/bundle.json", "deps": ["seed"], "outs": ["models/bundle.json"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"region_maps": stage}}))
    (tmp_path / "models/released/made").mkdir(parents=True)
    (tmp_path / "models/released/made/bundle.json").write_text("released")
    for seed, command in (("1", "repro"), ("2", "repro"), ("2", "repro --force"), ("2", "checkout --force")):
        (tmp_path / "seed").write_text(seed)
        if command == "repro" and seed == "1":
            subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
        done = subprocess.run(["dvc", *command.split()], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "models/released/made/bundle.json").read_text() == "released"
