"""The jobs, walked as the workflow files have them: the cheap one always, retraining in `make test-slow`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ci import drops, rehearse, runner, site
from ci.workflow import Step


def test_the_cheap_steps_of_a_pull_request(tmp_path: Path) -> None:
    origin, _ = site.found(tmp_path, {})
    steps = rehearse.check(runner.Runner(origin, tmp_path, {}, {}))
    assert steps == ["ci/install", "dvc status", "python -m ci.plan"]
    said = "".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert "There is no dvc.lock yet: everything would run." in said


def test_a_failed_step_shows_what_it_said_last(tmp_path: Path) -> None:
    step = Step("", "", "echo out of films; exit 3", "", {}, {})
    with pytest.raises(runner.StepError, match=r"(?s)exit code 3.*out of films"):
        runner._execute("check", step, tmp_path, {"PATH": "/usr/bin:/bin"}, tmp_path / "log")


def test_a_drop_adds_to_what_is_there(tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder = tmp_path / name / "test/fractured"
        folder.mkdir(parents=True)
        (folder / "1.png").write_text(name)
        image = {"id": 1, "file_name": "test/fractured/1.png"}
        outline = {"id": 1, "image_id": 1, "category_id": 1}
        coco = {"images": [image], "annotations": [outline], "categories": [{"id": 1}]}
        (tmp_path / name / drops.ANNOTATIONS).write_text(json.dumps(coco))
        (tmp_path / name / drops.LABELS).write_text("path,body_part\ntest/fractured/1.png,wrist\n")
        drops.add(tmp_path / name, tmp_path / "all", f"{name}-")
    coco = json.loads((tmp_path / "all" / drops.ANNOTATIONS).read_text())
    assert [(image["id"], image["file_name"]) for image in coco["images"]] == [
        (1, "test/fractured/a-1.png"),
        (2, "test/fractured/b-1.png"),
    ]
    assert [(outline["id"], outline["image_id"]) for outline in coco["annotations"]] == [(1, 1), (2, 2)]
    assert (tmp_path / "all/test/fractured/b-1.png").read_text() == "b"
    assert (tmp_path / "all" / drops.LABELS).read_text() == (
        "path,body_part\ntest/fractured/a-1.png,wrist\ntest/fractured/b-1.png,wrist\n"
    )


@pytest.mark.slow
def test_from_a_data_drop_to_a_promoted_model(tmp_path: Path) -> None:
    rehearse.rehearse(tmp_path)
    champions = [
        json.loads(line)["champion"]["version"] for line in (tmp_path / "developer/ledger.jsonl").open()
    ]
    assert champions == ["1", "2"]
