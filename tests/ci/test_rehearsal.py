"""The jobs, walked as the workflow files call them: the cheap one always, retraining in `make test-slow`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ci import job, rehearse, site
from pipeline import phantoms
from pipeline.config import Config, Phantoms
from tests.ci.conftest import git
from tests.ci.triggers import filters, starts


def test_the_cheap_steps_of_a_pull_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "ci")
    here = site.Site(tmp_path, {})
    here.create({})
    assert here.walk("check") == {}
    steps = [message.rpartition(": ")[2] for message in caplog.messages]
    assert steps == list(job.STEPS["check"]) == ["dvc status", "python -m ci.plan"]
    assert (tmp_path / "job-1-check-install.log").exists()
    said = (tmp_path / "job-1-check-check.log").read_text()
    assert "There is no dvc.lock yet: everything would run." in said


def test_a_failed_step_shows_what_it_said_last(tmp_path: Path) -> None:
    command = "sh -c 'echo out of films; exit 3'"
    with pytest.raises(site.RehearsalError, match=r"(?s)exit code 3.*out of films"):
        site.call(command, tmp_path, {"PATH": "/usr/bin:/bin"}, tmp_path / "log")
    assert (tmp_path / "log").read_text() == "out of films\n"


def test_a_drop_adds_to_what_is_there(tmp_path: Path, params: Config) -> None:
    first, second = (
        drawn(tmp_path / f"{train}", params.phantoms, {"train": train, "val": val, "test": 2})
        for train, val in ((4, 2), (6, 3))
    )
    assert (len(first), len(second)) == (8, 11)
    assert first.items() <= second.items()


def drawn(
    folder: Path, settings: Phantoms, counts: dict[str, int]
) -> dict[str, tuple[bytes, str, list[Any]]]:
    """Draw phantoms without faults; by path their bytes, labels and outlines."""
    sound = {"fault_share": 0.0, "min_side_px": 64, "max_side_px": 96}
    phantoms.write(folder, settings.model_copy(update=sound | counts), seed=1, workers=1)
    labels = dict(line.split(",", 1) for line in (folder / "labels.csv").read_text().splitlines())
    coco = json.loads((folder / "annotations.coco.json").read_text())
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    outlines: dict[str, list[Any]] = {name: [] for name in names.values()}
    for outline in coco["annotations"]:
        outlines[names[outline["image_id"]]].append(outline["segmentation"])
    return {
        name: ((folder / name).read_bytes(), labels[name], drawings) for name, drawings in outlines.items()
    }


@pytest.mark.slow
def test_from_a_data_drop_to_a_promoted_model(tmp_path: Path) -> None:
    rehearse.rehearse(tmp_path)
    ledger = (tmp_path / "developer/ledger.jsonl").read_text().splitlines()
    champions = [json.loads(line)["champion"]["version"] for line in ledger]
    assert champions == ["1", "2"]
    for patterns in filters().values():  # a drop starts a retraining, what that proposes starts none
        pushes = [starts(patterns, files) for files in changed(tmp_path / "developer")]
        assert pushes == [True, *[True, False, False] * 2]


def changed(folder: Path) -> list[list[str]]:
    """The files that each commit on `main` changed, from the first."""
    commits = git(folder, "rev-list", "--reverse", "--topo-order", "origin/main").split()
    diff = ("diff-tree", "--root", "--no-commit-id", "--name-only", "-r")
    return [git(folder, *diff, commit).splitlines() for commit in commits]
